"""The alias keeper's decisions: by which external ids and phones a lead is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel

from baton import identity
from baton.events import LeadCaptured, LeadErased
from baton.identity import UnusableIdentityError
from baton.policy.bundle import Bundle
from baton.runtime.inputs import Decision, EventInput, Input, Row, Subscription
from baton.topics import LEAD_CAPTURED, LEAD_IDENTITY

SUBSCRIPTION = Subscription(topics=(LEAD_CAPTURED, LEAD_IDENTITY), uses=(LeadCaptured, LeadErased))

ANY_SOURCE = ""
"""A phone is the same whoever sends it; an external id means something to its source alone."""


class NoState(BaseModel):
    """Nothing is kept of a lead beside its aliases."""


class AliasKind(StrEnum):
    """What a lead is known by."""

    EXTERNAL_ID = "external_id"
    PHONE = "phone"


@dataclass(frozen=True, slots=True, order=True)
class AliasName:
    """What a lead can be named by."""

    kind: AliasKind
    brand: str
    source: str
    value: str


@dataclass(frozen=True, slots=True, order=True)
class Alias(Row):
    """A lead is known by a name, which was last seen at `seen_at`."""

    name: AliasName
    lead_id: UUID
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Forget(Row):
    """What is kept of a lead from up to `up_to` must go; what came later is a new start."""

    lead_id: UUID
    up_to: datetime


def decide(
    state: NoState | None,  # noqa: ARG001 - the runner's interface
    shared: None,  # noqa: ARG001 - as state
    given: Input,
    bundle: Bundle,  # noqa: ARG001 - as state
    now: datetime,  # noqa: ARG001 - as state
) -> Decision[NoState, None]:
    """Keep what a captured lead is known by; forget it when the lead is erased."""
    if isinstance(given, EventInput):
        match given.event.data:
            case LeadCaptured() as captured:
                return Decision(state=None, rows=tuple(aliases_of(captured)))
            case LeadErased(lead_id=lead_id, occurred_at=up_to):
                return Decision(state=None, rows=(Forget(lead_id, up_to),))
            case _:
                pass
    return Decision(state=None)


def aliases_of(captured: LeadCaptured) -> Iterator[Alias]:
    """What the lead of an enquiry can be named by from now on."""
    profile = captured.profile
    names = (
        name_by_external_id(profile.brand, profile.source, profile.external_id),
        name_by_phone(profile.brand, profile.contact.phone),
        name_by_phone(profile.brand, captured.as_sent.get("contact.phone")),
    )
    for name in dict.fromkeys(names):
        if name is not None:
            yield Alias(name, captured.lead_id, captured.occurred_at)


def name_by_external_id(brand: str, source: str, external_id: str | None) -> AliasName | None:
    """A record in a sender's system, written as a lead's id has it; None where there is none."""
    try:
        _, _, value = identity.external_identity(source, external_id or "")
    except UnusableIdentityError:
        return None
    return AliasName(AliasKind.EXTERNAL_ID, brand, source, value)


def name_by_phone(brand: str, phone: str | None) -> AliasName | None:
    """The digits of a phone number, whoever sends it; None where they are none."""
    try:
        _, _, digits, _ = identity.phone_identity(ANY_SOURCE, phone or "", "")
    except UnusableIdentityError:
        return None
    return AliasName(AliasKind.PHONE, brand, ANY_SOURCE, digits)
