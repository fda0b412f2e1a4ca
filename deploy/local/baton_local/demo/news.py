"""The events of the demo in words: all important ones, and a sample of the frequent ones."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from baton.cloudevents import Event
from baton.events import (
    AssignmentChange,
    EventData,
    LeadReleased,
    LeadRouted,
    LeadUnrouted,
    Profile,
    ReleaseCode,
    SlaBreached,
    SlaEvent,
    SlaMet,
    SlaWarned,
)
from baton_local.demo.board import Board

_MAX_LINES = 200


class Sort(StrEnum):
    """The kind of a line."""

    ASSIGNED = "given"
    PASSED_ON = "passed on"
    NOBODY = "nobody"
    DECLINED = "declined"
    WARNED = "warned"
    MET = "kept"
    BROKEN = "broken"


_PAUSE_S: Mapping[Sort, float] = {
    Sort.ASSIGNED: 1.2,
    Sort.MET: 1.2,
    Sort.WARNED: 0.6,
    Sort.NOBODY: 0.6,
    Sort.DECLINED: 0.3,
}
"""After one of this sort, others of it are left out for so long: nobody could read them."""

_RARE = frozenset({"max_attempts", "all_tried", "no_capacity", "test", "no-consent"})
"""Reasons for having no rep that are worth a line; that a lead is not qualified is everyday."""


@dataclass(frozen=True, slots=True)
class News:
    """A line; `at` is in seconds since the first."""

    at: float
    sort: Sort
    says: str


class Newsroom:
    """Makes news of events. `begun` is of the monotonic clock."""

    def __init__(self, board: Board, begun: float) -> None:
        self._board = board
        self._begun = begun
        self._last: dict[Sort, float] = {}
        self._reps: dict[str, str] = {}
        self.latest: deque[News] = deque(maxlen=_MAX_LINES)

    def hear(self, event: Event[EventData], at: float) -> None:
        """An event that the board has taken in, and when it was read."""
        if isinstance(event.data, LeadRouted):
            self._reps[event.data.rep.id] = event.data.rep.name
        line = self._line(event.data)
        if line is None:
            return
        sort, says = line
        if at - self._last.get(sort, float("-inf")) >= _PAUSE_S.get(sort, 0):
            self._last[sort] = at
            self.latest.append(News(at - self._begun, sort, says))

    def _line(self, data: EventData) -> tuple[Sort, str] | None:
        match data:
            case LeadRouted():
                return self._assigned(data)
            case LeadUnrouted(code=code) if code in _RARE:
                return Sort.NOBODY, f"Nobody gets {self._lead(data.lead_id)}: {in_plain(code)}"
            case LeadReleased(code=ReleaseCode.DECLINED):
                lead, why = self._lead(data.lead_id), in_plain(data.reason or "")
                return Sort.DECLINED, f"{data.rep.name} declines {lead}: {why}"
            case SlaEvent():
                return self._promised(data)
            case _:
                return None

    def _assigned(self, data: LeadRouted) -> tuple[Sort, str]:
        person = in_words(data.profile)
        if data.change is AssignmentChange.RENEWED:
            return Sort.ASSIGNED, f"{data.rep.name} has {person} already: asks again"
        if data.change is AssignmentChange.RETURNED:
            return Sort.ASSIGNED, f"{data.rep.name} gets {person} back: answered in time after all"
        if data.previous_rep is None:
            return Sort.ASSIGNED, f"{data.rep.name} gets {person}: {data.score.grade}, {data.pool}"
        return Sort.PASSED_ON, f"{data.rep.name} gets {person} instead"

    def _promised(self, data: SlaEvent) -> tuple[Sort, str] | None:
        rep, lead = self._rep(data.rep), self._lead(data.lead_id)
        match data:
            case SlaWarned():
                left = round((data.due_at - data.occurred_at).total_seconds())
                return Sort.WARNED, f"{rep} has {left} s left to answer {lead}"
            case SlaMet():
                return Sort.MET, f"{rep} answered {lead} after {data.used_seconds} s"
            case SlaBreached():
                return Sort.BROKEN, f"{rep} did not answer {lead} in {data.used_seconds} s"
            case _:
                return None

    def _lead(self, lead_id: UUID) -> str:
        scored = self._board.scored.get(lead_id)
        return in_words(scored.profile) if scored else "a lead"

    def _rep(self, rep_id: str | None) -> str:
        return self._reps.get(rep_id or "", rep_id or "nobody")


def in_words(profile: Profile) -> str:
    """The person of a lead, in words."""
    title, company = profile.contact.job_title, profile.company.name
    if title and company:
        return f"{title}, {company}"
    return company or title or "somebody"


def in_plain(code: str) -> str:
    """A code as one would say it."""
    return _WORDS.get(code, code.replace("_", " ").replace("-", " "))


_WORDS = {
    "max_attempts": "declined by all",
    "all_tried": "every rep has had it",
    "no_capacity": "no rep has time yet",
    "test": "a trial delivery",
    "no-consent": "wants no mail",
    "not_qualified": "not ready for sales",
    "rejected": "given back by sales",
    "closed": "won, lost or gone",
    "owner_changed": "somebody outside has it",
}
