"""The published deliveries of the senders, and what of ours each is to become."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from baton.events import ConsentStatus, EventData, LeadActivity, LeadCaptured, LeadFollowup
from baton.policy.bundle import Bundle
from ingest.capture import events
from ingest.capture.receipt import Receipt
from ingest.capture.submissions import ActivityIn, FollowupIn, LeadIn
from ingest.policy.reads import READS
from ingest.policy.source import SignedSource
from ingest.policy.sources import sources_of
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.items import Item
from ingest.senders.kit.payloads import at
from ingest_tests.harness import FILES
from ingest_tests.sales import OF_SALES

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "webhooks"
SIGNED_AT = datetime(2026, 1, 1, tzinfo=UTC)
NOBODY = UUID(int=0)
TOKEN = "url-secret"

EMAIL_ONLY = "{becomes: lead, fields: {contact.email: data.object.email}}"
PLAIN = {
    "activecampaign": "{kind: activecampaign}",
    "brevo": "{kind: brevo}",
    "cloudevents": "{kind: cloudevents, events: {e: {becomes: lead, fields: {contact.email: e}}}}",
    "contact_form_7": "{kind: contact_form_7}",
    "customerio": "{kind: customerio}",
    "google_ads": "{kind: google_ads}",
    "gravityforms": "{kind: gravity_forms, answers: [{to: contact.first_name, ref: '2.3'},"
    " {to: contact.last_name, ref: '2.6'}, {to: contact.phone, ref: '6'}]}",
    "intercom": "{kind: intercom}",
    "jotform": "{kind: jotform}",
    "klaviyo": "{kind: klaviyo}",
    "linkedin": "{kind: linkedin}",
    "mailchimp": "{kind: mailchimp}",
    "make": "{kind: make}",
    "marketo": "{kind: marketo}",
    "meta": "{kind: meta, verify_token_env: VERIFY_TOKEN}",
    "segment": "{kind: segment}",
    "standardwebhooks": "{kind: standard_webhooks, ignore: [ping, test],"
    " events: {e: {becomes: lead, fields: {contact.email: e}}}}",
    "stripe_like": f"{{kind: stripe_like, events: {{lead.created: {EMAIL_ONLY}}}}}",
    "tally": "{kind: tally}",
    "tiktok": "{kind: tiktok, events: {e: {becomes: lead, fields: {contact.email: e}}}}",
    "typeform": "{kind: typeform,"
    " answers: [{to: contact.first_name, title: 'What is your first name?'}]}",
    "webflow": "{kind: webflow}",
    "x_hub_signature": "{kind: hub_signature,"
    " events: {e: {becomes: lead, fields: {contact.email: e}}}}",
    "zapier": "{kind: zapier}",
    **OF_SALES,
}
"""By the samples' names of the vendors, what a bundle says of a source of theirs."""


def bundle() -> Bundle:
    """A bundle with a source of each vendor; its secret is in SECRET."""
    sources = [
        f"  {vendor}: {{label: L, brand: main, secret_env: [SECRET], {said[1:-1]}}}"
        for vendor, said in PLAIN.items()
    ]
    text = "\n".join(["sources:", *sources, ""])
    return Bundle.parse({**FILES, "sources.yaml": text}, READS)


@dataclass(frozen=True, slots=True)
class Sample:
    """A delivery as it was published, with all that is told of it."""

    name: str
    vendor: str
    delivery: Delivery
    secret: str
    now: datetime
    expected: Sequence[Mapping[str, Any]] | None
    told: Mapping[str, Any]

    def source(self, of: Bundle) -> SignedSource:
        source = sources_of(of).get(self.vendor)
        assert isinstance(source, SignedSource), (
            f"PLAIN has no source of {self.vendor}: {self.name}"
        )
        return source


_REASON = f"the published samples are not at {FOLDER}"
needs_samples = pytest.mark.skipif(not (FOLDER / "index.jsonl").exists(), reason=_REASON)


def samples(wanted: Callable[[Sample], bool] = lambda _: True) -> list[Any]:
    """The samples as parameters of a test; one that is skipped where there are none."""
    if not (FOLDER / "index.jsonl").exists():
        return [pytest.param(None, id="none", marks=pytest.mark.skip(reason=_REASON))]
    return [pytest.param(sample, id=sample.name) for sample in every_sample() if wanted(sample)]


def every_sample() -> Iterator[Sample]:
    for line in (FOLDER / "index.jsonl").read_text().splitlines():
        yield _sample(json.loads(line))


def _sample(told: dict[str, Any]) -> Sample:
    first, *lines = (FOLDER / told["file"]).read_text().split("\n\n")[0].splitlines()
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    signature = told["signature"] or {}
    body = (FOLDER / told["body_file"]).read_bytes() if told["body_file"] else b""
    url = signature.get("url", f"https://ingest.example.com{target}")
    shown = signature.get("secret") or signature.get("public_key") or _shown(headers, url)
    if shown is None:
        shown = TOKEN
        if method == "POST":
            # Nothing in it shows whose it is: as our page has it, the address then does.
            url = f"{url}?token={TOKEN}"
    return Sample(
        name=Path(told["file"]).name.split(".")[0],
        vendor=told["vendor"],
        delivery=Delivery(headers, body, method, url),
        secret=shown,
        now=_signed_at(headers),
        expected=told["expected"],
        told=told,
    )


def _shown(headers: Mapping[str, str], url: str) -> str | None:
    """The secret of a sample that is not signed, where it shows one."""
    query = parse_qs(urlsplit(url).query)
    for name in ("secret", "token"):
        if name in query:
            return query[name][0]
    if "x-ingest-token" in headers:
        return headers["x-ingest-token"]
    if headers.get("authorization", "").startswith("Bearer "):
        return headers["authorization"].removeprefix("Bearer ")
    if "authorization" in headers:
        return "zap:pass"
    return TOKEN if url.endswith(f"/{TOKEN}") else None


def _signed_at(headers: Mapping[str, str]) -> datetime:
    """The clock of the sample: the time that its headers have."""
    for name, value in headers.items():
        if name.endswith("timestamp") and value.isdigit():
            number = int(value)
            # HubSpot's own vector has its milliseconds cut short.
            seconds = number / 1_000 if "hubspot" in name or number > 10**11 else number
            return datetime.fromtimestamp(seconds, UTC)
    return SIGNED_AT


# --- an item as an event, and the event in the words of the index


def event_of(sample: Sample, item: Item, of: Bundle) -> EventData:
    """The event that an item becomes; pure, as in the process."""
    receipt = Receipt(sample.delivery.body, sample.now, part=item.part, strict=False)
    document = {**item.document, "source": sample.vendor}
    match item.becomes:
        case "lead":
            lead = LeadIn.model_validate(document)
            return events.captured(lead, "main", NOBODY, of, receipt)
        case "activity":
            activity = ActivityIn.model_validate(document)
            return events.activity(activity, NOBODY, of.definitions, receipt)
        case "followup":
            followup = FollowupIn.model_validate(document)
            return events.followup(followup, "main", NOBODY, of.definitions, receipt)
        case _:
            raise AssertionError(item.becomes)


KINDS: Mapping[str, Callable[[EventData], bool]] = {
    "lead": lambda event: isinstance(event, LeadCaptured),
    "consent": lambda event: _consent(event) is not None,
    "engagement": lambda event: isinstance(event, LeadActivity | LeadFollowup),
    "outcome": lambda event: isinstance(event, LeadFollowup),
    "crm_event": lambda event: isinstance(event, LeadCaptured | LeadFollowup),
}
"""The index's kinds, as our event types."""


def _consent(event: EventData) -> bool | None:
    if isinstance(event, LeadActivity):
        return False if event.type.value == "unsubscribed" else None
    if isinstance(event, LeadCaptured):
        granted = {ConsentStatus.GRANTED: True, ConsentStatus.DENIED: False}
        return granted.get(event.profile.consent.status)
    return None


IN_ANSWERS = {
    "account_id": ("portalId", "workspace_id", "account", "OrganizationId"),
    "ad_id": ("ad_id",),
    "adgroup_id": ("adgroup_id",),
    "anonymous_id": ("anonymousId",),
    "campaign_name": ("campaign name",),
    "campaign_id": ("campaign_id", "camp_id", "data.campaign_id"),
    "city": ("traits.address.city",),
    "list_id": ("list", "data.list_id"),
    "page_id": ("page_id",),
    "postal_code": ("Postal Code", "POSTAL_CODE"),
    "reason": ("reason", "data.reason", "event"),
    "score": ("score", "calculated.score"),
    "site_id": ("site",),
    "source": ("LeadSource",),
}
"""What the index names and a lead has no field for: it is kept under one of these names."""


def says(expected: Mapping[str, Any], item: Item, event: EventData) -> list[str]:
    """The expected values that an event does not have."""
    return [
        f"{name}: {value!r} is not what {event!r} says"
        for name, value in expected.items()
        if not _is_said(name, value, item, event)
    ]


def _is_said(name: str, value: object, item: Item, event: EventData) -> bool:
    in_its_own_way = _OWN_WAYS.get(name)
    if in_its_own_way is not None:
        return in_its_own_way(value, item, event)
    if isinstance(event, LeadActivity) and name in ("email", "external_id"):
        return item.document.get(name) == value
    return _is_in(name, value, event)


def _is_delivery(value: object, item: Item, _: EventData) -> bool:
    """The vendor's own id, or the first part of one of several."""
    given = str(item.document["delivery_id"])
    return value in (given, re.split("[/:]", given)[0])


def _is_waiting(value: object, item: Item, _: EventData) -> bool:
    """Whether the index says so: an item without an e-mail address waits for details or aliases."""
    return (value is True) == (item.fetch is not None or "email" not in item.document)


def _is_consent(value: object, item: Item, event: EventData) -> bool:
    """That nobody has opted out is no consent to us; the index notes that too."""
    opted_out = value is True and "unsubscribed" in str(item.document.get("answers"))
    return _consent(event) is value or opted_out


def _is_activity(value: object, _: Item, event: EventData) -> bool:
    return isinstance(event, LeadActivity) and str(value) in event.type.value


_OWN_WAYS: Mapping[str, Callable[[Any, Item, EventData], bool]] = {
    "kind": lambda value, _, event: KINDS[value](event),
    "event_id": _is_delivery,
    "external_id": lambda value, item, _: item.document.get("external_id") == value,
    "occurred_at": lambda value, item, _: _same_time(value, item.document.get("occurred_at")),
    "needs_fetch": _is_waiting,
    "object": lambda value, item, _: item.fetch is None or item.fetch.record == value,
    "consent_email": _is_consent,
    "consent_legal": _is_consent,
    "consent_sms": lambda value, item, _: at(item.document, ("answers", "sms_consent")) is value,
    "event": _is_activity,
}


def _same_time(expected: str, said: Any) -> bool:
    wanted = datetime.fromisoformat(expected.removesuffix(" (zone not stated)"))
    given = datetime.fromisoformat(str(said))
    wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)
    return abs((wanted - given).total_seconds()) < 1


def _is_in(name: str, value: Any, event: EventData) -> bool:
    answers = getattr(event, "answers", {})
    if name == "custom":
        custom = event.profile.custom if isinstance(event, LeadCaptured) else {}
        everything = {**answers, **custom}
        return all(_named(everything, key) == text for key, text in value.items())
    if name in IN_ANSWERS and any(
        str(_named(answers, each)).strip() == str(value) for each in IN_ANSWERS[name]
    ):
        return True
    if not isinstance(event, LeadCaptured):
        return False
    profile = event.profile
    contact = profile.contact
    said: dict[str, list[object]] = {
        "email": [contact.email, event.as_sent.get("contact.email")],
        "first_name": [contact.first_name],
        "last_name": [contact.last_name],
        "full_name": [" ".join(part for part in (contact.first_name, contact.last_name) if part)],
        "phone": [contact.phone, event.as_sent.get("contact.phone")],
        "title": [contact.job_title],
        "company": [profile.company.name],
        "form_id": [profile.request.form_id],
        "form_name": [profile.request.form_name],
        "message": [profile.request.message],
        "campaign_name": [profile.campaign.name],
        "gclid": [profile.campaign.click_id],
        "utm_source": [profile.campaign.utm_source],
        "is_test": [event.test],
    }
    return value in said.get(name, [])


def _named(answers: Mapping[str, Any], name: str) -> Any:
    if name in answers:
        return answers[name]
    first, _, rest = name.partition(".")
    inner = answers.get(first)
    if rest and isinstance(inner, Mapping):
        return _named(inner, rest)
    return next((answers[key] for key in answers if key.endswith(f".{name}")), None)
