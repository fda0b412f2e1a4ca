"""What the facts of a lead make of its clocks, reckoned from the topics alone.

The monitor's own code has no part in it: the rules stand here once more, as docs/policy.md and the
contract say them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tests.chaos.checker.records import Found
from tests.chaos.checker.told import Clock

_SKEW = timedelta(minutes=2)
_ANSWERS = frozenset(
    {"contacted", "meeting_booked", "meeting_held", "converted", "opportunity", "won"}
)
"""Each target of the bundle of these runs names `contacted`, and later milestones count."""
_GIVEN_BACK = frozenset({"declined", "rejected"})
_CLOSED = frozenset({"won", "lost", "merged", "deleted"})
_TAKEN = frozenset({"claimed", "owner_changed"})
_SAME_REP = frozenset({"renewed", "returned"})


@dataclass(frozen=True, slots=True)
class GivenServers:
    """A `lead.routed`."""

    id: str
    at: datetime
    rep: str
    change: str
    previous: str | None


@dataclass(frozen=True, slots=True)
class Mark:
    """When a fact counts, and its event."""

    at: datetime
    event: Found


@dataclass(frozen=True, slots=True)
class Judgement:
    """The first answer and the first end, and what they make of a clock that is due at `due_at`."""

    answer: Mark | None
    end: Mark | None
    due_at: datetime
    void: bool = False
    covered: bool = False
    """Another clock serves its enquiry."""

    @property
    def met(self) -> bool:
        """Answered in time, and while the rep had the lead."""
        if self.void or self.answer is None or self.answer.at > self.due_at:
            return False
        return self.end is None or self.answer.at <= self.end.at

    @property
    def dropped(self) -> bool:
        """Nobody is judged."""
        ended = self.end is not None and self.end.at < self.due_at
        return self.void or (ended and not self.met)

    def let_go_by(self, moment: datetime) -> bool:
        """Ended by then, before it was due or answered, and was a promise."""
        ended = self.end is not None and self.end.at <= moment
        return ended and self.dropped and not self.void

    @property
    def wrong(self) -> bool:
        """A breach of it led to nothing that stands."""
        return self.met or self.void

    def undecided_at(self, moment: datetime) -> bool:
        """Nothing had closed it before."""
        closed = [mark.at for mark in (self.answer, self.end) if mark is not None]
        return not (self.void or self.covered) and moment <= min([self.due_at, *closed])


class Promises:
    """A lead's assignments and facts."""

    def __init__(self, routed: Iterable[Found], followups: Sequence[Found]) -> None:
        events = list(routed)
        self.given = {
            event.data["assignment_id"]: _given(event)
            for event in events
            if event.kind == "lead.routed"
        }
        self._released = [event for event in events if event.kind == "lead.released"]
        self._followups = followups

    def tenure(self, assignment_id: str) -> str:
        """The first assignment of an unbroken row of one rep's."""
        given = self.given.get(assignment_id)
        if given is None or given.change not in _SAME_REP or given.previous is None:
            return assignment_id
        return self.tenure(given.previous)

    def _renewals(self, given: GivenServers) -> int:
        """How many came before it in its tenure."""
        before = self.given.get(given.previous or "")
        if given.change not in _SAME_REP or before is None:
            return 0
        return 1 + self._renewals(before)

    def served(self, given: GivenServers, judged: Iterable[tuple[GivenServers, Judgement]]) -> bool:
        """It needs no clock of its own.

        A clock of the tenure is undecided when the rep who has the lead gets a new enquiry; or the
        lead returns, and the rep's last clock did not end unanswered.
        """
        if given.change not in _SAME_REP:
            return False
        tenure, place = self.tenure(given.id), (given.at, self._renewals(given))
        earlier = [
            (*place_of_other, judgement)
            for other, judgement in judged
            if self.tenure(other.id) == tenure
            and (place_of_other := (other.at, self._renewals(other))) < place
        ]
        if given.change == "renewed":
            return any(judgement.undecided_at(given.at) for *_, judgement in earlier)
        standing = [each for each in earlier if not each[2].covered]
        last = max(standing, key=lambda each: each[:2], default=None)
        return last is None or not last[2].let_go_by(given.at)

    def judged(self, clocks: Iterable[Clock]) -> Mapping[UUID, tuple[GivenServers, Judgement]]:
        """What the facts make of these clocks, by their ids, in order of their start."""
        known = [(clock, self.given.get(str(clock.assignment_id))) for clock in clocks]
        found: dict[UUID, tuple[GivenServers, Judgement]] = {}
        for clock, given in sorted(
            ((clock, given) for clock, given in known if given is not None),
            key=lambda each: (each[1].at, self._renewals(each[1])),
        ):
            judgement = Judgement(
                answer=_first(self._answers(given)),
                end=_first(self._ends(given)),
                due_at=clock.due_at,
                void=self._void(given, found.values()),
                covered=self.served(given, found.values()),
            )
            found[clock.clock_id] = given, judgement
        return found

    def _void(self, given: GivenServers, earlier: Iterable[tuple[GivenServers, Judgement]]) -> bool:
        """The breach that led to the assignment was wrong, or followed from a wrong one.

        It was that of the clock that started last.
        """
        if given.change != "breached" or given.previous is None:
            return False
        tenure = self.tenure(given.previous)
        causes = [
            judgement
            for other, judgement in earlier
            if self.tenure(other.id) == tenure
            and not judgement.covered
            and judgement.due_at <= given.at
        ]
        return bool(causes) and causes[-1].wrong

    def _answers(self, given: GivenServers) -> Iterator[Mark]:
        for event in self._followups:
            at = _since(event, given.at) if event.data["type"] in _ANSWERS else None
            if at is not None:
                yield Mark(at, event)

    def _ends(self, given: GivenServers) -> Iterator[Mark]:
        for event in self._released:
            happened = datetime.fromisoformat(event.data["occurred_at"])
            at = self._named(given, event.data["assignment_id"], happened)
            if at is not None:
                yield Mark(at, event)
        for event in self._followups:
            ends = event.data["type"] in _GIVEN_BACK | _CLOSED | _TAKEN
            at = self._ended(given, event) if ends else None
            if at is not None:
                yield Mark(at, event)

    def _ended(self, given: GivenServers, event: Found) -> datetime | None:
        at = _happened(event)
        rep, named = event.data.get("rep"), event.data.get("assignment_id")
        match event.data["type"]:
            case kind if kind in _CLOSED:
                return _since(event, given.at)
            case kind if kind in _TAKEN and rep not in {None, given.rep}:
                ours = named is None or self.tenure(named) == self.tenure(given.id)
                return at if ours and at >= given.at else None
            case kind if kind in _GIVEN_BACK and named is not None:
                return self._named(given, named, at)
            case kind if kind in _GIVEN_BACK and rep in {None, given.rep} and at > given.at:
                return at
        return None

    def _named(self, given: GivenServers, assignment_id: str, at: datetime) -> datetime | None:
        """A fact that names an assignment has not happened before that began."""
        named = self.given.get(assignment_id)
        if named is None or self.tenure(named.id) != self.tenure(given.id):
            return None
        since = max(at, named.at)
        return since if since >= given.at else None


def _given(event: Found) -> GivenServers:
    data = event.data
    rep = data.get("rep") or {}
    return GivenServers(
        id=data["assignment_id"],
        at=datetime.fromisoformat(data["occurred_at"]),
        rep=rep.get("id", ""),
        change=data.get("change", "new"),
        previous=data.get("previous_assignment"),
    )


def _times(event: Found) -> tuple[datetime, datetime]:
    occurred = event.data["occurred_at"]
    received = event.data.get("received_at", occurred)
    return datetime.fromisoformat(occurred), datetime.fromisoformat(received)


def _happened(event: Found) -> datetime:
    """Nothing is received before it happens."""
    return min(_times(event))


def _since(event: Found, start: datetime) -> datetime | None:
    """When it counts for what began at `start`; clocks differ a little."""
    at = _happened(event)
    if max(_times(event)) >= start and at >= start - _SKEW:
        return max(at, start)
    return None


def _first(marks: Iterable[Mark]) -> Mark | None:
    return min(marks, key=lambda mark: (mark.at, mark.event.id), default=None)
