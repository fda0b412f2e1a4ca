"""Typeform's webhooks (typeform.com/developers/webhooks).

Signing: `Typeform-Signature` is `sha256=` and the base64 of an HMAC-SHA256 over the body; the key
is the secret as it was entered.

Id: `event_id` is the same for each attempt; `form_response.token` is that of the response.

Payload: `form_response.answers` has a value for each question that was answered, under a name that
its `type` gives, and the question's `field.id`. What was asked stands in
`form_response.definition.fields`, by the same id, with a `title` and a `ref`. Hidden fields, UTM
parameters among them, come in `form_response.hidden`. A question of type `legal` is a consent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from baton.cloudevents import describe
from baton.policy.sources import FormAnswer, TypeformSource
from ingest.senders.delivery import Delivery, NotUnderstoodError
from ingest.senders.formats import json_of
from ingest.senders.items import Item
from ingest.senders.payloads import CONSENT, at, path, put
from ingest.senders.places import HeaderItem, body
from ingest.senders.sender import Example, Guide, Sender, signed_by
from ingest.senders.signing import Signature, in_base64

_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_CLICK_IDS = ("gclid", "fbclid", "msclkid", "li_fat_id")


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
    """Beside these it has the value, under the name that `type` says."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str
    field: _AnsweredField

    @property
    def value(self) -> JsonValue:
        """What was answered; of choices their labels, and what was written beside them."""
        given: JsonValue = (self.model_extra or {}).get(self.type)
        if self.type == "choice" and isinstance(given, dict):
            return given.get("label", given.get("other"))
        if self.type == "choices" and isinstance(given, dict):
            labels, other = given.get("labels"), given.get("other")
            chosen = list(labels) if isinstance(labels, list) else []
            return chosen if other is None else [*chosen, other]
        return given


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


@dataclass(frozen=True, slots=True)
class _Answered:
    """A question and its answer."""

    id: str
    ref: str | None
    title: str
    types: tuple[str, str]
    value: JsonValue

    def named_by(self, answer: FormAnswer) -> bool:
        """Whether the bundle means this one."""
        return (
            (answer.ref is not None and answer.ref == self.ref)
            or (answer.title is not None and answer.title.strip() == self.title.strip())
            or (answer.type is not None and answer.type in self.types)
        )


def read(source: TypeformSource, delivery: Delivery) -> list[Item]:
    """The lead that a response is. Raises NotUnderstoodError.

    What the bundle does not place: the first email, the first phone, consents and campaign
    parameters go where they belong, everything else to the raw answers, under what was asked.
    """
    try:
        payload = _Payload.model_validate(json_of(delivery))
    except ValidationError as error:
        raise NotUnderstoodError(describe(error)) from error
    response = payload.form_response
    document: dict[str, JsonValue] = {
        "delivery_id": payload.event_id,
        "external_id": response.token,
    }
    put(document, ("occurred_at",), response.submitted_at)
    put(document, ("request", "form_id"), response.form_id)
    put(document, ("request", "form_name"), response.definition.title)
    answered = list(_answered(response))
    hidden = dict(response.hidden)
    _place_as_the_bundle_says(source, document, answered, hidden)
    _place_what_is_plain(document, answered, hidden)
    _place_consent(document, answered, response)
    document["answers"] = _raw(answered, hidden, response)
    return [Item("lead", document)]


def _answered(response: _Response) -> Iterator[_Answered]:
    questions = {question.id: question for question in response.definition.fields}
    for answer in response.answers:
        question = questions.get(answer.field.id, _Question(id=answer.field.id))
        yield _Answered(
            id=answer.field.id,
            ref=answer.field.ref or question.ref,
            title=question.title,
            types=(answer.type, answer.field.type),
            value=answer.value,
        )


def _place_as_the_bundle_says(
    source: TypeformSource,
    document: dict[str, JsonValue],
    answered: list[_Answered],
    hidden: dict[str, JsonValue],
) -> None:
    for place in source.answers:
        to = path(place.to)
        if to == CONSENT and place.type == "legal":
            # A form may ask for several consents; `_place_consent` looks at all of them.
            continue
        if place.hidden is not None:
            put(document, to, hidden.pop(place.hidden, None))
            continue
        found = next((each for each in answered if each.named_by(place)), None)
        if found is not None and at(document, to) is None:
            put(document, to, found.value)
            answered.remove(found)


def _place_what_is_plain(
    document: dict[str, JsonValue], answered: list[_Answered], hidden: dict[str, JsonValue]
) -> None:
    for type_, to in (("email", ("contact", "email")), ("phone_number", ("contact", "phone"))):
        found = next((each for each in answered if type_ in each.types), None)
        if found is not None and at(document, to) is None:
            put(document, to, found.value)
            answered.remove(found)
    for name in _UTM:
        if at(document, ("campaign", name)) is None:
            put(document, ("campaign", name), hidden.pop(name, None))
    for name in _CLICK_IDS:
        if name in hidden and at(document, ("campaign", "click_id")) is None:
            put(document, ("campaign", "click_id"), hidden.pop(name))


def _place_consent(
    document: dict[str, JsonValue], answered: list[_Answered], response: _Response
) -> None:
    """Granted where every consent that was answered was given; its text is what was asked."""
    asked = [each for each in answered if "legal" in each.types]
    if not asked or at(document, CONSENT) is not None:
        return
    put(document, CONSENT, all(each.value is True for each in asked))
    put(document, ("consent", "text"), "\n".join(each.title for each in asked))
    put(document, ("consent", "at"), response.submitted_at)
    answered[:] = [each for each in answered if each not in asked]


def _raw(
    answered: list[_Answered], hidden: dict[str, JsonValue], response: _Response
) -> dict[str, JsonValue]:
    raw: dict[str, JsonValue] = {}
    for each in answered:
        name = each.title or each.ref or each.id
        raw[name if name not in raw else f"{name} [{each.id}]"] = each.value
    raw |= {f"hidden.{name}": value for name, value in hidden.items() if value not in (None, "")}
    for name in ("calculated", "variables"):
        value = getattr(response, name)
        if value is not None:
            raw[name] = value
    return raw


SENDER = Sender(
    kind="typeform",
    source=TypeformSource,
    signing=signed_by(
        Signature(at=HeaderItem("typeform-signature", "sha256"), signs=(body,), written=in_base64)
    ),
    reading=read,
    guide=Guide(
        name="Typeform",
        enter="Connect, Webhooks: the address as the endpoint; under Edit the secret.",
        sends="Each response to the form (`form_response`), with the questions that were asked.",
        becomes=(
            "A lead. `answers` says which answer goes where; the first email and phone, consents "
            "(questions of type legal) and campaign parameters in hidden fields need no mapping. "
            "All else is kept under its question."
        ),
        retries="Tried again for hours after any answer but 2xx; a 404 or 410 switches it off.",
    ),
    example=Example(
        '{"event_id": "evt_1", "event_type": "form_response", "form_response": {"form_id": "f1",'
        ' "token": "t1", "submitted_at": "2026-01-31T09:00:00Z", "answers": [{"type": "email",'
        ' "email": "buyer@example.com", "field": {"id": "q1", "type": "email"}}]}}'
    ),
    kept_headers=("typeform-event",),
)
