"""Google Ads' lead form extensions (developers.google.com/google-ads/webhook).

Signing: none; the body contains the secret as `google_key`.

Id: `lead_id` is the same for each attempt. Payload: `user_column_data` has a `column_id` and a
`string_value` for each question, and perhaps its title as `column_name`. Test data has `is_test`.
"""

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from ingest.policy.vendors import FormSource
from ingest.senders.kit import forms
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.draft_fields import answered
from ingest.senders.kit.drafts import CampaignDraft, LeadDraft, RequestDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.forms import FULL_NAME, Answer, FormPlace
from ingest.senders.kit.items import Item
from ingest.senders.kit.payloads import at, text_at
from ingest.senders.kit.places import InJson
from ingest.senders.kit.sender import Example, Guide, Sender, ok, signed_by
from ingest.senders.kit.signing import Token

_BY_TYPE: Mapping[str, FormPlace] = {
    "FULL_NAME": FULL_NAME,
    "FIRST_NAME": "contact.first_name",
    "LAST_NAME": "contact.last_name",
    "WORK_EMAIL": "contact.email",
    "EMAIL": "contact.email",
    "WORK_PHONE": "contact.phone",
    "PHONE_NUMBER": "contact.phone",
    "JOB_TITLE": "contact.job_title",
    "COUNTRY": "contact.country",
    "REGION": "contact.region",
    "COMPANY_NAME": "company.name",
}
_OF_THE_AD = ("campaign_id", "adgroup_id", "creative_id", "asset_group_id")


def read(source: FormSource, delivery: Delivery) -> list[Item]:
    """The lead of a submitted form. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    id_, columns = text_at(payload, ("lead_id",)), at(payload, ("user_column_data",))
    if id_ is None or not isinstance(columns, list):
        raise NotUnderstoodError("the body has no lead_id or no user_column_data")
    click_id = at(payload, ("gcl_id",))
    draft = LeadDraft(
        delivery_id=id_,
        external_id=id_,
        campaign=CampaignDraft(click_id=click_id, click_id_kind=click_id and "gclid"),
        request=RequestDraft(form_id=at(payload, ("form_id",))),
        test=at(payload, ("is_test",)) is True,
    )
    draft = forms.place(draft, _answered(columns), source.answers, _BY_TYPE)
    return [Item(answered(draft, {name: at(payload, (name,)) for name in _OF_THE_AD}))]


def _answered(columns: list[JsonValue]) -> Iterator[Answer]:
    for column in columns:
        key = text_at(column, ("column_id",)) or text_at(column, ("column_name",))
        if key is not None:
            title = text_at(column, ("column_name",)) or ""
            yield Answer(key, at(column, ("string_value",)), title, (key,))


SENDER = Sender(
    kind="google_ads",
    source=FormSource,
    signing=signed_by(Token(InJson(("google_key",)))),
    reading=read,
    guide=Guide(
        name="Google Ads lead forms",
        enter=(
            "In Google Ads: Lead delivery of the form, Webhook integration. Enter "
            "the address, and the secret as key."
        ),
        sends="Each form that a person submits below an ad.",
        becomes=(
            "A lead with the `gclid` of the click. Test data that somebody sends "
            "from Google's screen makes a test lead. In `answers` of the source, "
            "`ref` is the `column_id` of a question."
        ),
        retries=(
            "Google retries after 5xx and not after 4xx. Baton therefore answers "
            "Google with 503 also when the source is over its `rate_limit`."
        ),
    ),
    not_now=503,
    example=Example(
        '{"lead_id": "l1", "form_id": 1, "campaign_id": 2, "google_key": "the secret",'
        ' "is_test": true, "gcl_id": "g1", "user_column_data": [{"column_name": "Work Email",'
        ' "column_id": "WORK_EMAIL", "string_value": "buyer@example.com"}]}'
    ),
    answer=ok,
)
