"""Gong's automation rules that fire a webhook (help.gong.io, Create a webhook rule).

Signing: `Authorization: Bearer` is a JWT by RS256 with the claims `webhook_url`, `body_sha256`,
`iat` and `exp`. The secret is the rule's public key. Alternatively the rule's address contains a
secret. These are two kinds, because a public key must never pass as a secret token.

Id: none; the call's id identifies the event. Payload: `callData` with `metaData` and `parties`. An
external party has an address or a number if Gong knows it.
"""

from pydantic import JsonValue

from baton.events import FollowupType
from ingest.policy.vendors import SalesOutcome, SalesToolSource
from ingest.senders.kit import sales
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import Ignored, ItemResult
from ingest.senders.kit.payloads import at, composite, list_at, path, text_at
from ingest.senders.kit.places import Authorization, Parameter
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import Token
from ingest.senders.kit.tokens import SignedToken

_META = path("callData.metaData")
_KNOWN: sales.Known = {
    "No Answer": FollowupType.ATTEMPTED,
    "Busy": FollowupType.ATTEMPTED,
    "Left Voicemail": FollowupType.ATTEMPTED,
    "Wrong Number": FollowupType.ATTEMPTED,
}
_SPOKEN_WITH = SalesOutcome(type=FollowupType.CONTACTED)
_INTERNAL = "Internal"


def read(source: SalesToolSource, delivery: Delivery) -> list[ItemResult]:
    """The follow-up of a recorded call. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    meta = at(payload, _META)
    call = text_at(meta, ("id",))
    if not isinstance(meta, dict) or call is None:
        raise NotUnderstoodError("`callData.metaData` has no call with an id")
    parties = list_at(payload, path("callData.parties"))
    others = [party for party in parties if text_at(party, ("affiliation",)) != _INTERNAL]
    users = [colleague for colleague in parties if colleague not in others]
    disposition = text_at(meta, ("sdrDisposition",))
    by = [text_at(user, (name,)) for user in users for name in ("emailAddress", "userId")]
    draft = FollowupDraft(
        delivery_id=composite("call", call),
        occurred_at=text_at(meta, ("started",)),
        email=_first(others, "emailAddress"),
        phone=_first(others, "phoneNumber"),
        rep=sales.rep(source, *by),
        channel="phone",
        disposition=disposition,
        records=sales.records(call=call),
        answers={
            **{name: value for name, value in meta.items() if value is not None},
            "participants": [text_at(colleague, ("emailAddress",)) for colleague in users],
        },
    )
    if at(payload, ("isTest",)) is True:
        return [Ignored(draft)]
    known = _KNOWN if disposition in _KNOWN else None
    outcome = sales.outcome(source, "sdrDisposition", disposition, known, _SPOKEN_WITH)
    if outcome is None:
        return [Ignored(draft)]
    return [sales.followup(draft, outcome, note=[text_at(meta, ("title",))])]


def _first(parties: list[JsonValue], name: str) -> str | None:
    return next(filter(None, (text_at(party, (name,)) for party in parties)), None)


_SENDS = "Each recorded call that matches the rule."
_BECOMES = (
    "A follow-up for the first external party with an e-mail address or phone number: `contacted`, "
    "or `attempted` if the disposition says that the party did not answer. Change this with "
    "`outcomes`, by `sdrDisposition`. `reps` in the source maps the address or id of your own "
    "party to a rep. Baton ignores test deliveries of the rule."
)
_RETRIES = "Gong tries three times within minutes."
_EXAMPLE = Example(
    '{"callData": {"metaData": {"id": "1", "started": "2026-01-31T09:00:00Z"}, "parties":'
    ' [{"affiliation": "External", "emailAddress": "buyer@example.com"}]}, "isTest": false}'
)

UNSIGNED = Sender(
    kind="gong_unsigned",
    source=SalesToolSource,
    signing=signed_by(Token(Parameter("token"))),
    reading=read,
    guide=Guide(
        name="Gong, with a key in the address",
        enter=(
            "In Gong: Automation rules, Fire webhook. Select an address that "
            "includes a key, and enter the address with `?token=` and the secret."
        ),
        sends=_SENDS,
        becomes=_BECOMES,
        retries=_RETRIES,
    ),
    example=_EXAMPLE,
)
SENDER = Sender(
    kind="gong",
    source=SalesToolSource,
    signing=signed_by(SignedToken(Authorization("Bearer"))),
    reading=read,
    guide=Guide(
        name="Gong",
        enter=(
            "In Gong: Automation rules, Fire webhook. Enter the address and select "
            "the signed JWT header. The secret is the rule's public key in PEM "
            "format. Set `BATON_WEBHOOKS_URL`, because Gong signs the address."
        ),
        sends=_SENDS,
        becomes=_BECOMES,
        retries=_RETRIES,
    ),
    example=_EXAMPLE,
)
