"""An enquiry, understood: each field in the one form that conditions and readers can rely on."""

from collections.abc import Iterator
from dataclasses import dataclass

from baton.events import Contact, Profile
from ingest.identifying import usable_email
from ingest.understanding import mailboxes

_LONGEST = 1_000
"""Of a `Name`: what is understood must not become longer than an event may have it."""

_WRITTEN_ANEW = (("contact", "email"),)


@dataclass(frozen=True, slots=True)
class Understood:
    """A profile as it was understood; by its path, each text that was sent otherwise."""

    profile: Profile
    as_sent: dict[str, str]


def understood(said: Profile) -> Understood:
    """The profile in the forms that `baton.events` promises, as far as they can be worked out.

    What can't be is left as it was sent; nothing of it is a reason to refuse a lead.
    """
    profile = said.model_copy(update={"contact": _contact(said.contact)})
    return Understood(profile, dict(_as_sent(said, profile)))


def _contact(said: Contact) -> Contact:
    email = _fitting(usable_email(said.email), said.email)
    kind = mailboxes.kind_of(email) if email else None
    return said.model_copy(update={"email": email, "email_kind": kind})


def _fitting(written: str | None, said: str | None) -> str | None:
    return said if written is None or len(written) > _LONGEST else written


def _as_sent(said: Profile, understood: Profile) -> Iterator[tuple[str, str]]:
    for part, name in _WRITTEN_ANEW:
        before = getattr(getattr(said, part), name)
        if before is not None and before != getattr(getattr(understood, part), name):
            yield f"{part}.{name}", before
