"""Puts the answers of a form into a lead's fields, by the bundle or by the question's name."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from pydantic import JsonValue

from baton.events import ConsentStatus
from ingest.capture.normalisation import consents
from ingest.capture.normalisation.names import flat
from ingest.policy.vendors import FormAnswer
from ingest.senders.kit.draft_fields import LeadField, mapped, placed, value_at
from ingest.senders.kit.drafts import LeadDraft

FULL_NAME: Literal["full_name"] = "full_name"
"""Not a field of a lead. `place` splits the name into the first and the last name."""
FormPlace = LeadField | Literal["full_name"]
YES_OR_NO = "yes_no"
"""The type of a question whose `false` the person chose, unlike a box that is not ticked."""

_CONSENT, _EMPLOYEES, _MESSAGE = "consent.status", "company.employees", "request.message"
_LONGEST = 1_000
_LONGEST_MESSAGE = 10_000

_NAMES: Mapping[FormPlace, str] = {
    "contact.email": "email emailaddress workemail businessemail companyemail useremail mail",
    "contact.phone": "phone phonenumber mobile mobilephone mobilenumber telephone tel workphone "
    "userphone",
    "contact.first_name": "firstname fname givenname vorname",
    "contact.last_name": "lastname lname surname familyname nachname",
    FULL_NAME: "name fullname",
    "contact.job_title": "jobtitle position",
    "contact.country": "country countrycode",
    "contact.language": "language locale",
    "company.name": "company companyname organization organisation firma",
    "company.domain": "companywebsite companydomain website",
    "company.industry": "industry",
    "company.employees": "employees numberofemployees companysize",
    "request.message": "message comment comments howcanwehelp howcanwehelpyou nachricht",
    "request.form_id": "formid",
    "request.form_name": "formname",
    "consent.status": "consent gdprconsent marketingconsent emailconsent optin emailoptin "
    "marketingoptin",
    "campaign.utm_source": "utmsource",
    "campaign.utm_medium": "utmmedium",
    "campaign.utm_campaign": "utmcampaign",
    "campaign.utm_term": "utmterm",
    "campaign.utm_content": "utmcontent",
    "campaign.landing_url": "landingurl landingpage landingpageurl pageurl sourceurl",
    "campaign.referrer": "referrer referer referrerurl",
    "external_id": "externalid leadid contactid",
    "delivery_id": "deliveryid",
}
_PLAIN = {name: to for to, names in _NAMES.items() for name in names.split()}
_ADDRESS = re.compile(r"[^\s@]{1,64}@[^\s@]{1,190}\.[^\s@.]{2,60}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A question and its answer.

    `key` is the vendor's name of the question, `asks` the part of the key that has a meaning.
    """

    key: str
    value: JsonValue
    title: str = ""
    types: Sequence[str] = ()
    hidden: bool = False
    asks: str = ""

    @property
    def name(self) -> str:
        """The name under which `answers` stores the answer if no field takes it."""
        return f"hidden.{self.key}" if self.hidden else self.title or self.key


def place(
    draft: LeadDraft,
    answers: Iterable[Answer],
    places: Sequence[FormAnswer],
    by_type: Mapping[str, FormPlace] | None = None,
) -> LeadDraft:
    """The draft with the answers in fields: first by the bundle, then by type, then by name.

    The other answers go into `answers`. A field that has a value keeps it.
    """
    left = [answer for answer in answers if answer.value not in (None, "", [])]
    for where in places:
        found = next((candidate for candidate in left if _is_meant(where, candidate)), None)
        if found is not None:
            draft, _ = _put_free(draft, where.to, found)
            left.remove(found)
    for way in (partial(_by_type, by_type=by_type or {}), _by_name):
        rest = []
        for answer in left:
            draft, done = way(draft, answer)
            if not done:
                rest.append(answer)
        left = rest
    return replace(draft, answers={**(draft.answers or {}), **dict(_raw(left))})


def guess_email(draft: LeadDraft) -> LeadDraft:
    """The draft with the first e-mail address in the answers, for forms with meaningless keys."""
    if draft.contact.email is not None:
        return draft
    answers = dict(draft.answers or {})
    for name, value in answers.items():
        if isinstance(value, str) and _ADDRESS.fullmatch(value):
            del answers[name]
            return replace(placed(draft, {"contact.email": value}), answers=answers)
    return draft


def with_full_name(draft: LeadDraft, name: str) -> LeadDraft:
    """The draft with a full name. The last word becomes the last name, so no word is lost."""
    first, _, last = name.strip().rpartition(" ")
    draft = placed(draft, {"contact.first_name": first.strip() or last})
    return placed(draft, {"contact.last_name": last}) if first else draft


def _is_meant(where: FormAnswer, answer: Answer) -> bool:
    if where.hidden is not None:
        return answer.hidden and where.hidden == answer.key
    return not answer.hidden and (
        (where.ref is not None and where.ref == answer.key)
        or (where.title is not None and where.title.strip() == answer.title.strip())
        or (where.type is not None and where.type in answer.types)
    )


def _by_type(
    draft: LeadDraft, answer: Answer, by_type: Mapping[str, FormPlace]
) -> tuple[LeadDraft, bool]:
    """The draft, and whether a field took the answer."""
    to = next((by_type[type_] for type_ in answer.types if type_ in by_type), None)
    return (draft, False) if to is None else _put_free(draft, to, answer)


def _by_name(draft: LeadDraft, answer: Answer) -> tuple[LeadDraft, bool]:
    for text in (answer.asks or answer.key, answer.title):
        name = flat(text)
        to = _PLAIN.get(name) or _PLAIN.get(name.removeprefix("your"))
        if to is not None and _is_usable(to, answer.value):
            return _put_free(draft, to, answer)
    return draft, False


def _is_usable(to: str, value: JsonValue) -> bool:
    """Whether the value fits the field. A name is only a hint, so other values stay answers."""
    if to == _CONSENT:
        return isinstance(consents.status(value), ConsentStatus)
    if to == _EMPLOYEES:
        return str(value).isascii() and str(value).isdigit()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    return len(str(value)) <= (_LONGEST_MESSAGE if to == _MESSAGE else _LONGEST)


def _put_free(draft: LeadDraft, to: str, answer: Answer) -> tuple[LeadDraft, bool]:
    """The draft with the answer in an empty field, and True; False if the field has a value."""
    if to == FULL_NAME:
        if draft.contact.first_name is not None or draft.contact.last_name is not None:
            return draft, False
        return with_full_name(draft, str(answer.value)), True
    if value_at(draft, to) is not None:
        return draft, False
    refused = to == _CONSENT and answer.value is False and YES_OR_NO in answer.types
    return mapped(draft, to, "denied" if refused else answer.value), True


def _raw(answered: Iterable[Answer]) -> Iterator[tuple[str, JsonValue]]:
    names: set[str] = set()
    for answer in answered:
        name = answer.name if answer.name not in names else f"{answer.name} [{answer.key}]"
        names.add(name)
        yield name, answer.value
