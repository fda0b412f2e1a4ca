"""Webflow's form webhooks, of its APIs v1 and v2 (developers.webflow.com).

Signing: `x-webflow-signature` is the hex of an HMAC-SHA256 over `{x-webflow-timestamp}:{body}`, the
time in Unix milliseconds. Webhooks from the dashboard, also those of v1, are not signed; their
secret is in the address.

Id: `payload.id` (v1: `_id`) of the submission. Payload: `payload.data` (v1: `data`) has the answers
by the names of their fields.
"""

from ingest.policy.vendors import FormSource
from ingest.senders.kit import forms
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.draft_fields import answered
from ingest.senders.kit.drafts import LeadDraft, RequestDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.forms import Answer
from ingest.senders.kit.items import Item
from ingest.senders.kit.payloads import at, text_at
from ingest.senders.kit.places import Header, body
from ingest.senders.kit.sender import Example, Guide, Sender, ok, signed_by
from ingest.senders.kit.signing import SHOWN, SentAt, Signature, in_hex, unix_milliseconds

_TIME = Header("x-webflow-timestamp")


def read(source: FormSource, delivery: Delivery) -> list[Item]:
    """The lead of a submission. Raises NotUnderstoodError."""
    content = json_of(delivery)
    type_ = text_at(content, ("triggerType",))
    if type_ not in (None, "form_submission"):
        raise NotUnderstoodError(f"triggerType is '{type_}' instead of form_submission")
    payload = content if type_ is None else at(content, ("payload",))
    data = at(payload, ("data",))
    id_ = text_at(payload, ("_id" if type_ is None else "id",))
    if not isinstance(data, dict) or id_ is None:
        raise NotUnderstoodError("the submission has no id or no data")
    draft = LeadDraft(
        delivery_id=id_,
        external_id=id_,
        occurred_at=at(payload, ("d" if type_ is None else "submittedAt",)),
        request=RequestDraft(form_id=at(payload, ("formId",)), form_name=at(payload, ("name",))),
    )
    answers = (Answer(name, value) for name, value in data.items())
    draft = forms.place(draft, answers, source.answers)
    site = at(payload, ("site" if type_ is None else "siteId",))
    return [Item(answered(draft, {"site": site}))]


SENDER = Sender(
    kind="webflow",
    source=FormSource,
    signing=signed_by(
        Signature(
            at=Header("x-webflow-signature"),
            signs=(_TIME, b":", body),
            written=in_hex,
            sent_at=SentAt(_TIME, unix_milliseconds),
        ),
        *SHOWN,
    ),
    reading=read,
    guide=Guide(
        name="Webflow",
        enter=(
            "Create a webhook for form submissions with an app or with Webflow's "
            "API. Enter the address; the secret is the one that Webflow shows. A "
            "webhook from the dashboard is not signed: enter the address with "
            "`?token=` and a secret of your own."
        ),
        sends="Each submission of a form.",
        becomes=(
            "A lead. Baton recognises fields by their names. In `answers` of the "
            "source, `ref` is the name of a field."
        ),
        retries="Webflow tries three more times, ten minutes apart, after any answer except 200.",
    ),
    example=Example(
        '{"triggerType": "form_submission", "payload": {"name": "Talk to us", "siteId": "s1",'
        ' "id": "sub1", "formId": "f1", "submittedAt": "2026-01-31T09:00:00.000Z",'
        ' "data": {"Full Name": "Vivian Example", "Email": "buyer@example.com"}}}'
    ),
    answer=ok,
)
