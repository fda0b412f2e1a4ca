"""Jotform's webhooks (jotform.com/help/245-how-to-setup-a-webhook-with-jotform).

Signing: none; the secret is in the address. Id: `submissionID`. There is no time.

Payload: `multipart/form-data`. The field `rawRequest` contains the answers as JSON. The key of an
answer is `q`, the question's number, `_` and the question's name. Answers of several parts are
objects: a name has `first` and `last`, a phone has `full`, or `area` and `phone`.
"""

import re
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from ingest.policy.vendors import FormSource
from ingest.senders.kit import forms
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.draft_fields import placed
from ingest.senders.kit.drafts import LeadDraft, RequestDraft
from ingest.senders.kit.formats import json_text, payload_of
from ingest.senders.kit.forms import Answer
from ingest.senders.kit.items import Item
from ingest.senders.kit.payloads import at, text_at
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import SHOWN

_QUESTION = re.compile(r"q[0-9]{1,5}_(.{1,200})", re.ASCII | re.DOTALL)
_NAME, _PHONE = "name", "phone"


def read(source: FormSource, delivery: Delivery) -> list[Item]:
    """The lead of a submission. Raises NotUnderstoodError."""
    payload = payload_of(delivery)
    raw, id_ = text_at(payload, ("rawRequest",)), text_at(payload, ("submissionID",))
    answers = json_text(raw.encode()) if raw is not None else None
    if not isinstance(answers, dict) or id_ is None:
        raise NotUnderstoodError("the form has no submissionID, or no answers in rawRequest")
    draft = LeadDraft(
        delivery_id=id_,
        external_id=id_,
        request=RequestDraft(
            form_id=at(payload, ("formID",)), form_name=at(payload, ("formTitle",))
        ),
    )
    for answer in _answered(answers):
        if _NAME in answer.types and draft.contact.first_name is None:
            first, last = (at(answer.value, (part,)) for part in ("first", "last"))
            draft = placed(draft, {"contact.first_name": first, "contact.last_name": last})
    draft = forms.place(draft, _answered(answers), source.answers, {_PHONE: "contact.phone"})
    return [Item(draft)]


def _answered(answers: Mapping[str, JsonValue]) -> Iterator[Answer]:
    for key, value in answers.items():
        question = _QUESTION.fullmatch(key)
        if question is None:
            continue
        type_, text = _of_parts(value)
        name = question[1]
        yield Answer(key, text, types=(type_,) if type_ else (), asks=name)


def _of_parts(value: JsonValue) -> tuple[str, JsonValue]:
    """The type of an answer of several parts, and its value: one text if it can be joined."""
    if not isinstance(value, dict):
        return "", value
    if "first" in value and "last" in value:
        return _NAME, value
    if text_at(value, ("full",)) is not None:
        return _PHONE, value["full"]
    if {"area", "phone"} <= set(value):
        parts = [text_at(value, (part,)) for part in ("area", "phone")]
        return _PHONE, " ".join(part for part in parts if part)
    return "", value


SENDER = Sender(
    kind="jotform",
    source=FormSource,
    signing=signed_by(*SHOWN),
    reading=read,
    guide=Guide(
        name="Jotform",
        enter=(
            "In Jotform: Settings, Integrations, WebHooks. Enter the address, then "
            "`/` and the secret after the source's name."
        ),
        sends="Each submission, as a multipart form that contains JSON.",
        becomes=(
            "A lead. Baton recognises a name of two parts, a phone number, and "
            "questions with a clear name such as `email`. It stores other answers "
            "under the question's key, such as `q34_topic`. In `answers` of the "
            "source, `ref` is this key."
        ),
        retries=(
            "Jotform does not retry. A delivery during an outage of both Kafka and "
            "PostgreSQL is lost."
        ),
    ),
    example=Example(
        "--x\r\n"
        'Content-Disposition: form-data; name="formID"\r\n\r\n243\r\n--x\r\n'
        'Content-Disposition: form-data; name="submissionID"\r\n\r\n608\r\n--x\r\n'
        'Content-Disposition: form-data; name="rawRequest"\r\n\r\n'
        '{"q3_name": {"first": "Vivian", "last": "Example"}, "q4_email": "buyer@example.com"}'
        "\r\n--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
)
