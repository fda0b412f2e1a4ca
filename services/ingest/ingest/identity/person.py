"""Computes the id of the lead from the identifying fields of a delivery: email, external id, phone
and records.
"""

import contextlib
import re
from dataclasses import dataclass, replace
from uuid import UUID

from baton import identity
from baton.events import Record
from baton.identity import UnusableIdentityError
from ingest.capture.normalisation import phones
from ingest.errors import RejectedError
from ingest.identity.aliases import AliasName, name_by_external_id, name_by_phone, name_by_record

BY_EMAIL, BY_EXTERNAL_ID, BY_PHONE, BY_RECORD = "email", "external_id", "phone", "records"

_ADDRESS = re.compile(r"[^\s\"'<>,;:()\\]{1,64}@[^\s\"'<>,;:()\\@]{1,253}")
_MOST_ADDRESSES = 50


class NoIdentityError(RejectedError):
    """The delivery has no field that identifies the lead; `field` is the wrong or missing one."""


@dataclass(frozen=True, slots=True)
class Identified:
    """A lead's id, and the field that it was made of."""

    lead_id: UUID
    by: str


@dataclass(frozen=True, slots=True)
class Person:
    """The identifying fields of a delivery. `name` is the first and last name as sent. `countries`
    are the countries in which a phone number without a country code is looked up.
    """

    brand: str
    source: str
    email: str | None = None
    external_id: str | None = None
    phone: str | None = None
    name: str = ""
    records: tuple[Record, ...] = ()
    countries: tuple[str, ...] = ()

    def identified(self, key: bytes, *, pass_over_unusable: bool = False) -> Identified:
        """The lead's id by the first of email, external id, phone and other records that is
        present. Raises NoIdentityError if none is present or that one is unusable. For webhooks,
        unusable fields are skipped instead: a client of the API can correct an address and send
        again, a form that was filled in cannot.
        """
        for field, text in self._identifying_texts():
            try:
                return self._identified(key, field, text)
            except NoIdentityError:
                if not pass_over_unusable:
                    raise
        raise NoIdentityError("one of email, external_id and phone is needed", BY_EMAIL)

    def all(self, key: bytes) -> list[Identified]:
        """The leads that would have been made by each of the identifying fields alone.

        Raises NoIdentityError where one is unusable, or none is there.
        """
        found = [self._identified(key, field, text) for field, text in self._identifying_texts()]
        if not found:
            raise NoIdentityError("one of email, external_id and phone is needed", BY_EMAIL)
        return found

    def names(self) -> list[AliasName]:
        """The names by which the aliases may know the person, the most reliable first."""
        written_anew = phones.e164(self.phone, self.countries) if self.phone else None
        names = [
            name_by_external_id(self.brand, self.source, self.external_id),
            *(name_by_record(self.brand, self.source, record) for record in self.records),
            name_by_phone(self.brand, written_anew),
            name_by_phone(self.brand, self.phone),
        ]
        return list(dict.fromkeys(name for name in names if name is not None))

    def possible(self, key: bytes) -> list[UUID]:
        """All leads that the usable identifying fields can make; a phone also without the name.
        Marks which stored rows may be about a person.
        """
        found: dict[UUID, None] = {}
        for field, text in self._identifying_texts():
            for person in (self, replace(self, name="")):
                with contextlib.suppress(NoIdentityError):
                    found[person._identified(key, field, text).lead_id] = None  # noqa: SLF001 - its own
        return list(found)

    def _identifying_texts(self) -> list[tuple[str, str]]:
        texts = (
            (BY_EMAIL, self.email),
            (BY_EXTERNAL_ID, self.external_id),
            (BY_PHONE, self.phone),
            *((BY_RECORD, f"{record.kind}:{record.id}") for record in self.records),
        )
        return [(field, text) for field, text in texts if text is not None and text.strip()]

    def _identified(self, key: bytes, field: str, text: str) -> Identified:
        try:
            parts: tuple[str, ...]
            if field == BY_EMAIL:
                parts = identity.email_identity(text)
            elif field in (BY_EXTERNAL_ID, BY_RECORD):
                parts = identity.external_identity(self.source, text)
            else:
                parts = identity.phone_identity(self.source, text, self.name)
            return Identified(identity.lead_id(key, self.brand, *parts), field)
        except UnusableIdentityError as error:
            raise NoIdentityError(str(error), field) from error


def full_name(first: str | None, last: str | None) -> str:
    """The full name as part of a phone's identity: first and last name as sent, with one space
    between.
    """
    return " ".join(part for part in (first, last) if part)


def usable_email(email: str | None) -> str | None:
    """The address in the form that the lead's id uses, or as it was sent if it is no address."""
    if email is None:
        return None
    try:
        return identity.email_identity(email)[1]
    except UnusableIdentityError:
        return email


def leads_of_addresses_in(key: bytes, brand: str, body: bytes) -> list[UUID]:
    """The leads of the mail addresses in a body. If one of them is erased, the row with the body is
    erased too.
    """
    text = body.decode("utf-8", "replace").replace("\\u0040", "@").replace("%40", "@")
    addresses = list(dict.fromkeys(_ADDRESS.findall(text)))[:_MOST_ADDRESSES]
    people = [Person(brand, "", email=address) for address in addresses]
    return list(dict.fromkeys(lead for person in people for lead in person.possible(key)))
