"""Tally's webhooks (tally.so/help/webhooks).

Signing: `Tally-Signature` is the base64 of an HMAC-SHA256 over the payload as `JSON.stringify`
writes it, without spaces between its tokens. The body is sent in the same form.

Id: `eventId` is the same for each attempt; `data.responseId` is the response's id.

Payload: `data.fields` has a `key`, `label`, `type` and `value` for each question. The value of a
choice has ids, whose texts are in `options`.
"""

import re
from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from baton.cloudevents import describe
from ingest.policy.vendors import FormSource
from ingest.senders.kit import forms
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import LeadDraft, RequestDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.forms import Answer, FormPlace
from ingest.senders.kit.items import Item
from ingest.senders.kit.places import Header
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import Signature, in_base64

_BY_TYPE: Mapping[str, FormPlace] = {
    "INPUT_EMAIL": "contact.email",
    "INPUT_PHONE_NUMBER": "contact.phone",
}
_STRING_OR_SPACE = re.compile(rb'("(?:[^"\\]|\\.)*+"?)|[ \t\r\n]+', re.DOTALL)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Option(_Part):
    id: str
    text: str = ""


class _Field(_Part):
    key: str
    label: str | None = None
    type: str = ""
    value: JsonValue = None
    options: tuple[_Option, ...] = ()

    @property
    def answer(self) -> JsonValue:
        """The value, with the texts of the selected choices instead of their ids."""
        texts: dict[JsonValue, str] = {option.id: option.text for option in self.options}
        if texts and isinstance(self.value, list):
            return [texts.get(id_, id_) if isinstance(id_, str) else id_ for id_ in self.value]
        return texts.get(self.value, self.value) if isinstance(self.value, str) else self.value


class _Response(_Part):
    responseId: str  # noqa: N815 - as it is sent
    formId: str  # noqa: N815 - as above
    formName: str | None = None  # noqa: N815 - as above
    fields: tuple[_Field, ...] = ()


class _Payload(_Part):
    eventId: str  # noqa: N815 - as above
    eventType: str  # noqa: N815 - as above
    createdAt: str | None = None  # noqa: N815 - as above
    data: _Response


def compact(delivery: Delivery) -> bytes:
    """The body without spaces between its tokens."""
    return _STRING_OR_SPACE.sub(rb"\1", delivery.body)


def read(source: FormSource, delivery: Delivery) -> list[Item]:
    """The lead of a response. Raises NotUnderstoodError."""
    try:
        payload = _Payload.model_validate(json_of(delivery))
    except ValidationError as error:
        raise NotUnderstoodError(describe(error)) from error
    draft = LeadDraft(
        delivery_id=payload.eventId,
        external_id=payload.data.responseId,
        occurred_at=payload.createdAt,
        request=RequestDraft(form_id=payload.data.formId, form_name=payload.data.formName),
    )
    return [Item(forms.place(draft, _answered(payload.data), source.answers, _BY_TYPE))]


def _answered(response: _Response) -> Iterator[Answer]:
    for field in response.fields:
        hidden = field.type == "HIDDEN_FIELDS"
        key = field.label if hidden and field.label else field.key
        title = "" if hidden else field.label or ""
        yield Answer(key, field.answer, title, (field.type,), hidden=hidden)


SENDER = Sender(
    kind="tally",
    source=FormSource,
    signing=signed_by(
        Signature(at=Header("tally-signature"), signs=(compact,), written=in_base64),
    ),
    reading=read,
    guide=Guide(
        name="Tally",
        enter=(
            "In Tally: Integrations, Webhooks. Enter the address as the endpoint, "
            "and a signing secret."
        ),
        sends="Each response to the form (`FORM_RESPONSE`), with its questions.",
        becomes=(
            "A lead. Baton stores choices by their texts, and hidden fields under "
            "`hidden.` and their name."
        ),
        retries=(
            "Tally tries up to five more times within about a day after any answer except 2xx."
        ),
    ),
    example=Example(
        '{"eventId": "e1", "eventType": "FORM_RESPONSE", "createdAt": "2026-01-31T09:00:00Z",'
        ' "data": {"responseId": "r1", "formId": "f1", "formName": "Talk to us", "fields": ['
        '{"key": "question_1", "label": "Your email", "type": "INPUT_EMAIL",'
        ' "value": "buyer@example.com"}]}}'
    ),
)
