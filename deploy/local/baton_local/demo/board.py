"""How things stand, by what the topics have said so far."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

from baton.cloudevents import Event
from baton.events import (
    AssignmentChange,
    DeadLetter,
    EventData,
    FollowupType,
    LeadCaptured,
    LeadFollowup,
    LeadReleased,
    LeadRouted,
    LeadScored,
    LeadUnrouted,
    ReleaseCode,
    SlaBreached,
    SlaEvent,
    SlaMet,
    SlaMoved,
    SlaRetracted,
    SlaStarted,
    SlaWarned,
)


class Promise(StrEnum):
    """How a promise stands."""

    RUNNING = "running"
    WARNED = "warned"
    MET = "kept"
    BROKEN = "broken"
    DROPPED = "dropped"

    @property
    def open(self) -> bool:
        return self in {Promise.RUNNING, Promise.WARNED}

    @staticmethod
    def said_by(event: SlaEvent) -> "Promise":
        """How a promise stands once this is the latest that was said of it."""
        return _PROMISES[type(event)]


_PROMISES: Mapping[type[SlaEvent], Promise] = {
    SlaStarted: Promise.RUNNING,
    SlaWarned: Promise.WARNED,
    SlaMet: Promise.MET,
    SlaBreached: Promise.BROKEN,
    SlaRetracted: Promise.DROPPED,
}


_SAME_REP = frozenset({AssignmentChange.RENEWED, AssignmentChange.RETURNED})
"""The rep has the lead already, or again: it is nobody's turn, and a promise may run already."""


class Board:
    """Takes events in any number; one that comes again changes nothing.

    Events of one lead come in order within a topic, so that the latest is how it stands.
    """

    def __init__(self) -> None:
        self.captured: dict[UUID, UUID] = {}
        """The lead of each enquiry, by its event's id."""
        self.scored: dict[UUID, LeadScored] = {}
        self.standing: dict[UUID, LeadRouted | LeadUnrouted] = {}
        self.assignments: list[LeadRouted] = []
        """The releases after which another rep got the lead."""
        self.released: Counter[ReleaseCode] = Counter()
        self.followups: Counter[FollowupType] = Counter()
        self.promises: dict[UUID, SlaEvent] = {}
        """The latest of each clock."""
        self.waited: set[UUID] = set()
        """Leads that nobody had for a while, and that were tried again."""
        self.warned = 0
        self.allowed_seconds: int | None = None
        """The newest event of each clock."""
        self.dead_letters = 0
        self.repeated = 0
        """Events that Kafka had twice."""
        self._first_owner_at: dict[UUID, float] = {}
        self._event_ids: set[UUID] = set()

    def hear(self, event: Event[EventData], at: float) -> bool:
        """Whether it was new. `at` is when it was read, by the monotonic clock."""
        if event.id in self._event_ids:
            self.repeated += 1
            return False
        self._event_ids.add(event.id)
        match event.data:
            case LeadCaptured() as captured:
                self.captured[event.id] = captured.lead_id
            case LeadScored() as scored:
                self.scored[scored.lead_id] = scored
            case LeadRouted() | LeadUnrouted() | LeadReleased() as decided:
                self._decided(decided, at)
            case LeadFollowup() as followup:
                self.followups[followup.type] += 1
            case SlaEvent() as promise:
                self._promised(promise)
            case DeadLetter():
                self.dead_letters += 1
            case _:
                pass
        return True

    @property
    def owned(self) -> int:
        """Leads that a rep has."""
        return sum(isinstance(event, LeadRouted) for event in self.standing.values())

    @property
    def unowned(self) -> Counter[str]:
        """Leads that nobody has, by the reason."""
        return Counter(
            event.code for event in self.standing.values() if isinstance(event, LeadUnrouted)
        )

    @property
    def waiting(self) -> int:
        """Leads that nobody has and that will be tried again."""
        return sum(
            isinstance(event, LeadUnrouted) and event.retry_at is not None
            for event in self.standing.values()
        )

    @property
    def reassigned(self) -> int:
        """Leads that were taken from who did not answer in time."""
        return self.released[ReleaseCode.BREACHED]

    def promised(self) -> Counter[tuple[str, str, Promise]]:
        """Promises by pool, rep and how they stand."""
        return Counter(
            (promise.pool or "", promise.rep or "", Promise.said_by(promise))
            for promise in self.promises.values()
        )

    def count(self, promise: Promise) -> int:
        return sum(Promise.said_by(clock) is promise for clock in self.promises.values())

    @property
    def open_promises(self) -> int:
        return sum(Promise.said_by(promise).open for promise in self.promises.values())

    def assigned_counts(self) -> Counter[tuple[str, str]]:
        """Assignments by pool and rep."""
        return Counter((assignment.pool, assignment.rep.id) for assignment in self.assignments)

    def seconds_to_owner(self, sent_at: Mapping[UUID, float]) -> list[float]:
        """From the beginning of the request to the owner, of leads that had one at once; sorted."""
        return sorted(
            at - sent_at[enquiry]
            for enquiry, at in self._first_owner_at.items()
            if enquiry in sent_at
        )

    def rescued(self) -> list[UUID]:
        """Leads that one rep did not answer in time and another one did, in order."""
        promises = {clock.assignment_id: Promise.said_by(clock) for clock in self.promises.values()}
        ended = [
            (assignment.lead_id, promises.get(assignment.assignment_id))
            for assignment in self.assignments
        ]
        broken = {lead_id for lead_id, promise in ended if promise is Promise.BROKEN}
        met = (lead_id for lead_id, promise in ended if promise is Promise.MET)
        return [lead_id for lead_id in met if lead_id in broken]

    def _decided(self, decided: LeadRouted | LeadUnrouted | LeadReleased, at: float) -> None:
        lead_id = decided.lead_id
        before = self.standing.pop(lead_id, None)
        if isinstance(decided, LeadReleased):
            # Who has it next, or why nobody, is said by the event after it.
            self.released[decided.code] += 1
            return
        self.standing[lead_id] = decided
        if isinstance(decided, LeadUnrouted):
            if decided.retry_at is not None:
                self.waited.add(lead_id)
            return
        if decided.change in _SAME_REP:
            return
        self.assignments.append(decided)
        at_once = before is None or before.enquiry != decided.enquiry
        if decided.attempt == 1 and decided.enquiry is not None and at_once:
            self._first_owner_at[decided.enquiry] = at

    def _promised(self, promise: SlaEvent) -> None:
        if isinstance(promise, SlaMoved):
            # Another due time changes nothing of how the promise stands.
            return
        self.promises[promise.clock_id] = promise
        self.warned += isinstance(promise, SlaWarned)
        if isinstance(promise, SlaStarted):
            self.allowed_seconds = promise.allowed_seconds
