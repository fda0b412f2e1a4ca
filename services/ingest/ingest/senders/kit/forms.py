"""Forms: what was answered, placed as the bundle says, and where a question speaks for itself."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from baton.events import ConsentStatus
from baton.policy.sources import FormAnswer
from ingest.capture.normalisation import consents
from ingest.capture.normalisation.names import flat
from ingest.senders.kit.payloads import CONSENT, Path, at, path, put

EMAIL: Path = ("contact", "email")
PHONE: Path = ("contact", "phone")
FIRST_NAME: Path = ("contact", "first_name")
LAST_NAME: Path = ("contact", "last_name")
FULL_NAME: Path = ("contact", "name")
"""No field of a lead: it is split into the first and the last name."""
YES_OR_NO = "yes_no"
"""The type of a question whose `false` somebody chose, and no box that was passed over."""

_EMPLOYEES: Path = ("company", "employees")
_MESSAGE: Path = ("request", "message")
_LONGEST = 1_000
_LONGEST_MESSAGE = 10_000

_NAMES: Mapping[Path, str] = {
    EMAIL: "email emailaddress workemail businessemail companyemail useremail mail",
    PHONE: "phone phonenumber mobile mobilephone mobilenumber telephone tel workphone userphone",
    FIRST_NAME: "firstname fname givenname vorname",
    LAST_NAME: "lastname lname surname familyname nachname",
    FULL_NAME: "name fullname",
    ("contact", "job_title"): "jobtitle position",
    ("contact", "country"): "country countrycode",
    ("contact", "language"): "language locale",
    ("company", "name"): "company companyname organization organisation firma",
    ("company", "domain"): "companywebsite companydomain website",
    ("company", "industry"): "industry",
    _EMPLOYEES: "employees numberofemployees companysize",
    _MESSAGE: "message comment comments howcanwehelp howcanwehelpyou nachricht",
    ("request", "form_id"): "formid",
    ("request", "form_name"): "formname",
    CONSENT: "consent gdprconsent marketingconsent emailconsent optin emailoptin marketingoptin",
    ("campaign", "utm_source"): "utmsource",
    ("campaign", "utm_medium"): "utmmedium",
    ("campaign", "utm_campaign"): "utmcampaign",
    ("campaign", "utm_term"): "utmterm",
    ("campaign", "utm_content"): "utmcontent",
    ("campaign", "landing_url"): "landingurl landingpage landingpageurl pageurl sourceurl",
    ("campaign", "referrer"): "referrer referer referrerurl",
    ("external_id",): "externalid leadid contactid",
    ("delivery_id",): "deliveryid",
}
_PLAIN = {name: to for to, names in _NAMES.items() for name in names.split()}
_ADDRESS = re.compile(r"[^\s@]{1,64}@[^\s@]{1,190}\.[^\s@.]{2,60}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A question and its answer.

    `key` is the vendor's own name of it, `asks` the part of that which says what it asks for.
    """

    key: str
    value: JsonValue
    title: str = ""
    types: Sequence[str] = ()
    hidden: bool = False
    asks: str = ""

    @property
    def name(self) -> str:
        """The name under which it is kept where it has no place."""
        return f"hidden.{self.key}" if self.hidden else self.title or self.key


def place(
    document: dict[str, JsonValue],
    answered: Iterable[Answer],
    places: Sequence[FormAnswer],
    by_type: Mapping[str, Path] | None = None,
) -> None:
    """Put the answers into a lead's document: as the bundle says, by their type, by their name.

    What has no place so is kept under `answers`. Nothing that is there is overwritten.
    """
    left = [answer for answer in answered if answer.value not in (None, "", [])]
    for where in places:
        found = next((each for each in left if _is_meant(where, each)), None)
        if found is not None:
            _put_free(document, path(where.to), found)
            left.remove(found)
    left = [each for each in left if not _placed_by_type(document, each, by_type or {})]
    left = [each for each in left if not _placed_by_name(document, each)]
    kept = document.setdefault("answers", {})
    if isinstance(kept, dict):
        kept.update(_raw(left))


def guess_email(document: dict[str, JsonValue]) -> None:
    """Of a form whose keys say nothing: the first answer that is a mail address."""
    kept = document.get("answers")
    if at(document, EMAIL) is None and isinstance(kept, dict):
        for name, value in kept.items():
            if isinstance(value, str) and _ADDRESS.fullmatch(value):
                put(document, EMAIL, value)
                del kept[name]
                return


def put_full_name(document: dict[str, JsonValue], name: str) -> None:
    """The last word is the last name: joined again, they are the name as it was sent."""
    first, _, last = name.strip().rpartition(" ")
    put(document, FIRST_NAME, first.strip() or last)
    if first:
        put(document, LAST_NAME, last)


def _is_meant(where: FormAnswer, answer: Answer) -> bool:
    if where.hidden is not None:
        return answer.hidden and where.hidden == answer.key
    return not answer.hidden and (
        (where.ref is not None and where.ref == answer.key)
        or (where.title is not None and where.title.strip() == answer.title.strip())
        or (where.type is not None and where.type in answer.types)
    )


def _placed_by_type(
    document: dict[str, JsonValue], answer: Answer, by_type: Mapping[str, Path]
) -> bool:
    to = next((by_type[each] for each in answer.types if each in by_type), None)
    return to is not None and _put_free(document, to, answer)


def _placed_by_name(document: dict[str, JsonValue], answer: Answer) -> bool:
    for text in (answer.asks or answer.key, answer.title):
        name = flat(text)
        to = _PLAIN.get(name) or _PLAIN.get(name.removeprefix("your"))
        if to is not None and _is_usable(to, answer.value):
            return _put_free(document, to, answer)
    return False


def _is_usable(to: Path, value: JsonValue) -> bool:
    """Nobody has said that a name means what we think: what does not fit stays an answer."""
    if to == CONSENT:
        return isinstance(consents.status(value), ConsentStatus)
    if to == _EMPLOYEES:
        return str(value).isascii() and str(value).isdigit()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    return len(str(value)) <= (_LONGEST_MESSAGE if to == _MESSAGE else _LONGEST)


def _put_free(document: dict[str, JsonValue], to: Path, answer: Answer) -> bool:
    """Put an answer where nothing is yet; False where something is."""
    if to == FULL_NAME:
        if at(document, FIRST_NAME) is not None or at(document, LAST_NAME) is not None:
            return False
        put_full_name(document, str(answer.value))
        return True
    if at(document, to) is not None:
        return False
    refused = to == CONSENT and answer.value is False and YES_OR_NO in answer.types
    put(document, to, "denied" if refused else answer.value)
    return True


def _raw(answered: Iterable[Answer]) -> Iterator[tuple[str, JsonValue]]:
    names: set[str] = set()
    for answer in answered:
        name = answer.name if answer.name not in names else f"{answer.name} [{answer.key}]"
        names.add(name)
        yield name, answer.value
