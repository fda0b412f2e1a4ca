"""What is known of a person, from all of their enquiries."""

from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel

from baton.events import Consent, ConsentStatus, Profile
from scoring.domain.state import Enquiry

P = TypeVar("P", bound=BaseModel)


def merged(enquiries: Sequence[Enquiry]) -> Profile:
    """One profile of at least one enquiry, oldest first: newer values win, empty ones never do.

    Of contact, company and custom fields each value is taken by itself. What only means something
    together is taken together, from the newest enquiry that has any of it: source and external id,
    campaign, consent, request.
    """
    profiles = [enquiry.profile for enquiry in enquiries]
    newest = profiles[-1]
    if len(profiles) == 1:
        return newest
    custom = {
        name: value
        for profile in profiles
        for name, value in profile.custom.items()
        if _says(value)
    }
    return newest.model_copy(
        update={
            "contact": _by_value([p.contact for p in profiles]),
            "company": _by_value([p.company for p in profiles]),
            "campaign": _newest([p.campaign for p in profiles]),
            "consent": _newest_consent([p.consent for p in profiles]),
            "request": _newest([p.request for p in profiles]),
            "custom": dict(sorted(custom.items())),
        }
    )


def _by_value(parts: Sequence[P]) -> P:
    values = {name: value for part in parts for name, value in part if _says(value)}
    return parts[-1].model_copy(update=values)


def _newest(parts: Sequence[P]) -> P:
    return next((p for p in reversed(parts) if any(_says(v) for _, v in p)), parts[-1])


def _newest_consent(consents: Sequence[Consent]) -> Consent:
    """An enquiry that did not ask for consent takes none back."""
    asked = (c for c in reversed(consents) if c.status is not ConsentStatus.UNKNOWN)
    return next(asked, consents[-1])


def _says(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None
