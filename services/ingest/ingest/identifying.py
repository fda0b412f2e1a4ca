"""Whose a delivery is: the lead's id, from what the delivery itself says."""

from dataclasses import dataclass
from uuid import UUID

from baton import identity
from baton.identity import UnusableIdentityError

BY_EMAIL, BY_EXTERNAL_ID, BY_PHONE, BY_LEAD_ID = "email", "external_id", "phone", "lead_id"


class NoIdentityError(ValueError):
    """Nothing in a delivery tells whose it is; `field` is what is wrong or missing."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True)
class Identified:
    """A lead's id, and the field that it was made of."""

    lead_id: UUID
    by: str


@dataclass(frozen=True, slots=True)
class Person:
    """What a delivery says of whose it is. `name` is the first and the last name, as sent."""

    brand: str
    source: str
    email: str | None = None
    external_id: str | None = None
    phone: str | None = None
    name: str = ""

    def identified(self, key: bytes, *, pass_over_unusable: bool = False) -> Identified:
        """By the first that is there of email, external id and phone.

        Raises NoIdentityError where there is none, or where that one is unusable. Unless unusable
        ones are to be passed over, as for a webhook: whoever sends to our API can mend an address
        with a slip in it and send again, a form that was filled in can't.
        """
        for field, text in self._given():
            try:
                return self._identified(key, field, text)
            except NoIdentityError:
                if not pass_over_unusable:
                    raise
        raise NoIdentityError(BY_EMAIL, "one of email, external_id and phone is needed")

    def all(self, key: bytes) -> list[Identified]:
        """Each lead that this person would be, had it been sent with one of these alone.

        Raises NoIdentityError where one is unusable, or none is there.
        """
        found = [self._identified(key, field, text) for field, text in self._given()]
        if not found:
            raise NoIdentityError(BY_EMAIL, "one of email, external_id and phone is needed")
        return found

    def _given(self) -> list[tuple[str, str]]:
        texts = ((BY_EMAIL, self.email), (BY_EXTERNAL_ID, self.external_id), (BY_PHONE, self.phone))
        return [(field, text) for field, text in texts if text is not None and text.strip()]

    def _identified(self, key: bytes, field: str, text: str) -> Identified:
        try:
            parts: tuple[str, ...]
            if field == BY_EMAIL:
                parts = identity.email_identity(text)
            elif field == BY_EXTERNAL_ID:
                parts = identity.external_identity(self.source, text)
            else:
                parts = identity.phone_identity(self.source, text, self.name)
            return Identified(identity.lead_id(key, self.brand, *parts), field)
        except UnusableIdentityError as error:
            raise NoIdentityError(field, str(error)) from error


def full_name(first: str | None, last: str | None) -> str:
    """The name that a phone's identity has beside the digits: as sent, with one space between."""
    return " ".join(part for part in (first, last) if part)


def usable_email(email: str | None) -> str | None:
    """The address as the lead's id has it, or, where it is none, as it was sent."""
    if email is None:
        return None
    try:
        return identity.email_identity(email)[1]
    except UnusableIdentityError:
        return email
