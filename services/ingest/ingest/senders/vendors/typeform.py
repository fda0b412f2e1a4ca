"""Typeform's webhooks (typeform.com/developers/webhooks).

Signing: `Typeform-Signature` is `sha256=` and the base64 of an HMAC-SHA256 over the body; the key
is the secret itself.

Id: `event_id` is the same for each attempt; `form_response.token` is the response's id.

Payload: `form_response.answers` has an element for each answered question: the question's
`field.id`, and the value under a name that depends on `type`. `form_response.definition.fields` has
the questions by the same id, with a `title` and a `ref`. `form_response.hidden` has hidden fields,
such as UTM parameters. A question of type `legal` is a consent.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from baton.cloudevents import describe
from ingest.policy.vendors import TypeformSource
from ingest.senders.kit import forms
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.draft_fields import answered
from ingest.senders.kit.drafts import ConsentDraft, LeadDraft, RequestDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.forms import Answer, FormPlace
from ingest.senders.kit.items import Item
from ingest.senders.kit.places import HeaderItem, body
from ingest.senders.kit.sender import Example, Guide, Sender, headers, signed_by
from ingest.senders.kit.signing import Signature, in_base64

_BY_TYPE: Mapping[str, FormPlace] = {"email": "contact.email", "phone_number": "contact.phone"}
_CONSENT = "consent.status"
_CONSENT_TYPE = "legal"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Question(_Part):
    id: str
    title: str = ""
    ref: str | None = None


class _Definition(_Part):
    title: str | None = None
    fields: tuple[_Question, ...] = ()


class _AnsweredField(_Part):
    id: str
    type: str = ""
    ref: str | None = None


class _Answer(BaseModel):
    """One answer. Its value is under a further name, which depends on `type`."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str
    field: _AnsweredField

    @property
    def value(self) -> JsonValue:
        """The answer's value; for choices their labels and the text that the person added."""
        typed: JsonValue = (self.model_extra or {}).get(self.type)
        if self.type == "choice" and isinstance(typed, dict):
            return typed.get("label", typed.get("other"))
        if self.type == "choices" and isinstance(typed, dict):
            labels, other = typed.get("labels"), typed.get("other")
            chosen = list(labels) if isinstance(labels, list) else []
            return chosen if other is None else [*chosen, other]
        return typed


class _Response(_Part):
    form_id: str
    token: str
    submitted_at: str | None = None
    hidden: dict[str, JsonValue] = Field(default_factory=dict)
    calculated: JsonValue = None
    variables: JsonValue = None
    definition: _Definition = _Definition()
    answers: tuple[_Answer, ...] = ()


class _Payload(_Part):
    event_id: str
    event_type: Literal["form_response"]
    form_response: _Response


def read(source: TypeformSource, delivery: Delivery) -> list[Item]:
    """The lead of a response. Raises NotUnderstoodError."""
    try:
        payload = _Payload.model_validate(json_of(delivery))
    except ValidationError as error:
        raise NotUnderstoodError(describe(error)) from error
    response = payload.form_response
    answers = list(_answered(response))
    of_consent = [answer for answer in source.answers if answer.to == _CONSENT]
    by_hand = [mapping for mapping in of_consent if mapping.type != _CONSENT_TYPE]
    legal_answers = [] if by_hand else [legal for legal in answers if _CONSENT_TYPE in legal.types]
    draft = LeadDraft(
        delivery_id=payload.event_id,
        external_id=response.token,
        occurred_at=response.submitted_at,
        consent=_consent(legal_answers, response.submitted_at),
        request=RequestDraft(form_id=response.form_id, form_name=response.definition.title),
    )
    others = [other for other in answers if other not in legal_answers]
    places = [place for place in source.answers if place not in of_consent or place in by_hand]
    draft = forms.place(draft, [*others, *_hidden(response)], places, _BY_TYPE)
    computed = {"calculated": response.calculated, "variables": response.variables}
    return [Item(answered(draft, computed))]


def _answered(response: _Response) -> Iterator[Answer]:
    questions = {question.id: question for question in response.definition.fields}
    for answer in response.answers:
        question = questions.get(answer.field.id, _Question(id=answer.field.id))
        yield Answer(
            key=answer.field.ref or question.ref or answer.field.id,
            value=answer.value,
            title=question.title,
            types=(answer.type, answer.field.type),
        )


def _hidden(response: _Response) -> Iterator[Answer]:
    for name, value in response.hidden.items():
        yield Answer(key=name, value=value, hidden=True)


def _consent(legal_answers: list[Answer], submitted_at: str | None) -> ConsentDraft:
    """Granted if the person accepted every answered legal text. `text` has the texts.

    A legal text may be about anything, so declining it does not deny consent to mail.
    """
    if not legal_answers:
        return ConsentDraft()
    return ConsentDraft(
        status=all(answer.value is True for answer in legal_answers),
        text="\n".join(answer.title for answer in legal_answers),
        at=submitted_at,
    )


SENDER = Sender(
    kind="typeform",
    source=TypeformSource,
    signing=signed_by(
        Signature(at=HeaderItem("typeform-signature", "sha256"), signs=(body,), written=in_base64)
    ),
    reading=read,
    guide=Guide(
        name="Typeform",
        enter=(
            "In Typeform: Connect, Webhooks. Enter the address as the endpoint, and "
            "the secret under Edit."
        ),
        sends="Each response to the form (`form_response`), with its questions.",
        becomes=(
            "A lead. `answers` in the source says which answer goes to which field. "
            "The first e-mail address and phone number, consents (questions of type "
            "legal) and questions with a clear name need no mapping. A legal text "
            "that was not accepted leaves consent unknown. A No to a yes/no "
            "question that is mapped to consent denies it. Baton stores all other "
            "answers under their question."
        ),
        retries=(
            "Typeform retries for hours after any answer except 2xx. A 404 or 410 "
            "switches the webhook off."
        ),
    ),
    example=Example(
        '{"event_id": "evt_1", "event_type": "form_response", "form_response": {"form_id": "f1",'
        ' "token": "t1", "submitted_at": "2026-01-31T09:00:00Z", "answers": [{"type": "email",'
        ' "email": "buyer@example.com", "field": {"id": "q1", "type": "email"}}]}}'
    ),
    read_headers=headers("typeform-event"),
)
