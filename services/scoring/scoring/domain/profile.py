"""Joins the enquiries of a lead to one profile, with the newest consent."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel

from baton.events import ActivityType, Consent, ConsentStatus, FollowupType, Profile
from scoring.domain.state import Agreement, Lead, newest_agreement

P = TypeVar("P", bound=BaseModel)


def merged(lead: Lead) -> Profile:
    """One profile of a lead that has an enquiry: newer values win, empty ones never do.

    Each value of contact, company and custom fields is taken by itself. Values that belong together
    come together from the newest enquiry that has any of them: source and external id, campaign,
    request. The consent is the newest statement of the person.
    """
    profiles = [enquiry.profile for enquiry in lead.counted_enquiries]
    newest = profiles[-1]
    consent = _consent(lead)
    if len(profiles) == 1:
        same = consent == newest.consent
        return newest if same else newest.model_copy(update={"consent": consent})
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
            "consent": consent,
            "request": _newest([p.request for p in profiles]),
            "custom": dict(sorted(custom.items())),
        }
    )


def _by_value(parts: Sequence[P]) -> P:
    values = {name: value for part in parts for name, value in part if _says(value)}
    return parts[-1].model_copy(update=values)


def _newest(parts: Sequence[P]) -> P:
    return next((p for p in reversed(parts) if any(_says(v) for _, v in p)), parts[-1])


def _consent(lead: Lead) -> Consent:
    """The newest consent; an enquiry that did not ask for consent changes nothing."""
    enquiries = lead.counted_enquiries
    asked = (enquiry.agreement for enquiry in enquiries)
    last = newest_agreement([lead.agreement, *asked, *_withdrawals(lead)])
    return last.consent if last else enquiries[-1].profile.consent


def _withdrawals(lead: Lead) -> Iterator[Agreement]:
    """Each time that the person unsubscribed or complained of mail; what a bot did is neither."""
    for activity in lead.activities:
        if activity.type is ActivityType.UNSUBSCRIBED and activity.bot is None:
            yield _withdrawal(activity.id, activity.occurred_at)
    for followup in lead.sales_facts:
        if followup.type is FollowupType.COMPLAINT:
            yield _withdrawal(followup.id, followup.occurred_at)


def _withdrawal(fact: UUID, at: datetime) -> Agreement:
    return Agreement(id=fact, at=at, consent=Consent(status=ConsentStatus.DENIED, at=at))


def _says(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None
