"""The alias keeper's decisions: by which records, phones, calls and meetings a lead is known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel

from baton import identity
from baton.cloudevents import Event
from baton.events import (
    FollowupType,
    LeadCaptured,
    LeadErased,
    LeadFollowup,
    Record,
    RecordKind,
    SubjectEvent,
)
from baton.identity import UnusableIdentityError
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Decision, Row
from baton.runtime.inputs import CommandInput, EventInput, Input, Subscription, TimerInput
from baton.topics import LEAD_CAPTURED, LEAD_FOLLOWUP, LEAD_IDENTITY

SUBSCRIPTION = Subscription(
    topics=(LEAD_CAPTURED, LEAD_FOLLOWUP, LEAD_IDENTITY),
    uses=(LeadCaptured, LeadFollowup, LeadErased),
)

ANY_SOURCE = ""
"""A phone is the same whoever sends it; a record means something to its source alone."""


class SeveralLeadsError(LookupError):
    """A phone is that of several leads."""


class NotForAliasesError(TypeError):
    """An input that this release's alias keeper does not decide on."""


class NoState(BaseModel):
    """The keeper stores no state of a lead, only its aliases."""


class AliasKind(StrEnum):
    """The aliases of a lead."""

    EXTERNAL_ID = "external_id"
    PHONE = "phone"
    OPPORTUNITY = "opportunity"
    CALL = "call"
    MEETING = "meeting"


_KIND_OF = {
    RecordKind.PERSON: AliasKind.EXTERNAL_ID,
    RecordKind.OPPORTUNITY: AliasKind.OPPORTUNITY,
    RecordKind.CALL: AliasKind.CALL,
    RecordKind.MEETING: AliasKind.MEETING,
}


@dataclass(frozen=True, slots=True, order=True)
class AliasName:
    """The names of a lead."""

    kind: AliasKind
    brand: str
    source: str
    value: str

    @property
    def id(self) -> UUID:
        """The name in 16 bytes, by which what waits for it is found."""
        return name_id(self.kind, self.brand, self.source, self.value)


def name_id(kind: str, brand: str, source: str, value: str) -> UUID:
    """The id of a name, also of a kind that only another release knows."""
    return identity.named_id("alias", kind, brand, source, value)


@dataclass(frozen=True, slots=True, order=True)
class Alias(Row):
    """A lead is known by a name, which was last seen at `seen_at`.

    A name that is not its `own` is another lead's, if there is one that has it for its own: the
    record that the lead's was merged into.
    """

    name: AliasName
    lead_id: UUID
    seen_at: datetime
    own: bool = True


@dataclass(frozen=True, slots=True)
class Forget(Row):
    """Erase the aliases of a lead up to `up_to`; later ones are a new start. `heard_at` is the time
    when the request was read. Rows from before it are erased too if they do not say when they
    happened.
    """

    lead_id: UUID
    up_to: datetime
    heard_at: datetime


def decide(
    state: NoState | None,  # noqa: ARG001 - the runner's interface
    shared: None,  # noqa: ARG001 - as state
    cause: Input,
    bundle: Bundle,  # noqa: ARG001 - as state
    now: datetime,  # noqa: ARG001 - as state
) -> Decision[NoState, None]:
    """Keep what a lead is known by, as enquiries and the CRM say; forget it when it is erased.

    Raises NotForAliasesError for any other event, timer or command: a dead letter keeps it for a
    release that knows it.
    """
    match cause:
        case EventInput(event=event):
            return Decision(state=None, rows=_rows(event))
        case TimerInput(name=name):
            raise NotForAliasesError(f"there is no timer {name!r}")
        case CommandInput(kind=kind):
            raise NotForAliasesError(f"there is no command {kind!r}")


def _rows(event: Event[SubjectEvent]) -> tuple[Row, ...]:
    match event.data:
        case LeadCaptured() as captured:
            return tuple(aliases_of(captured))
        case LeadFollowup() as followup:
            return tuple(links_of(followup))
        case LeadErased(lead_id=lead_id, occurred_at=up_to):
            return (Forget(lead_id, up_to, heard_at=max(up_to, event.time)),)
        case other:
            raise NotForAliasesError(f"{other.event_type} is not among the types that are used")


def aliases_of(captured: LeadCaptured) -> Iterator[Alias]:
    """The names that an enquiry gives to its lead."""
    profile = captured.profile
    names = (
        name_by_external_id(profile.brand, profile.source, profile.external_id),
        name_by_phone(profile.brand, profile.contact.phone),
        name_by_phone(profile.brand, captured.as_sent.get("contact.phone")),
    )
    for name in dict.fromkeys(names):
        if name is not None:
            yield Alias(name, captured.lead_id, captured.occurred_at)


def links_of(followup: LeadFollowup) -> Iterator[Alias]:
    """The names that a follow-up of a sales system gives to its lead."""
    if followup.brand is None:
        return
    brand, source = followup.brand, followup.source
    merged = followup.type is FollowupType.MERGED
    names = {name_by_record(brand, source, record): not merged for record in followup.records}
    names[name_by_external_id(brand, source, followup.external_id)] = True
    for name, own in names.items():
        if name is not None:
            yield Alias(name, followup.lead_id, followup.occurred_at, own)


def lead_named(
    names: Sequence[AliasName], leads: Mapping[AliasName, Sequence[UUID]]
) -> UUID | None:
    """The lead that the first of the names stands for that is known; None where none is.

    `leads` has those of each name, the one that was seen last first. Raises SeveralLeadsError where
    that name is a phone of several.
    """
    for name in names:
        known = leads.get(name, ())
        if len(known) > 1 and name.kind is AliasKind.PHONE:
            raise SeveralLeadsError
        if known:
            return known[0]
    return None


def name_by_external_id(brand: str, source: str, external_id: str | None) -> AliasName | None:
    """A person in a sender's system, written as a lead's id has it; None where there is none."""
    return _name(AliasKind.EXTERNAL_ID, brand, source, external_id or "")


def name_by_record(brand: str, source: str, record: Record) -> AliasName | None:
    """A record in a sender's system; None where its id is none."""
    return _name(_KIND_OF[record.kind], brand, source, record.id)


def _name(kind: AliasKind, brand: str, source: str, text: str) -> AliasName | None:
    try:
        _, _, value = identity.external_identity(source, text)
    except UnusableIdentityError:
        return None
    return AliasName(kind, brand, source, value)


def name_by_phone(brand: str, phone: str | None) -> AliasName | None:
    """The digits of a phone number, whoever sends it; None where they are none."""
    try:
        _, _, digits, _ = identity.phone_identity(ANY_SOURCE, phone or "", "")
    except UnusableIdentityError:
        return None
    return AliasName(AliasKind.PHONE, brand, ANY_SOURCE, digits)
