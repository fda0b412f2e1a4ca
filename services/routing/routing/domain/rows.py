"""The rows of routing's own tables that a decision writes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from baton.events import ReleaseCode
from baton.runtime.decisions import Row
from routing.domain.choice import Choice, Question
from routing.domain.codes import Excluded
from routing.domain.state import Assignment


@dataclass(frozen=True, slots=True)
class AssignmentRow(Row):
    """An assignment as it is now; `ended_at` is None for the lead's current one."""

    lead_id: UUID
    assignment: Assignment
    ended_at: datetime | None = None
    ended_code: ReleaseCode | None = None
    ended_reason: str | None = None


@dataclass(frozen=True, slots=True)
class DecisionRow(Row):
    """A decision with all that it depended on.

    `code` is what it came to: a code, or the exclusion that held. `question` and `choice` are None
    where nobody had to be chosen. `assignment_id` is the assignment that it made, `released` the
    one that it ended.
    """

    id: UUID
    lead_id: UUID
    cause: UUID
    at: datetime
    policy: str
    code: StrEnum | Excluded
    assignment_id: UUID | None = None
    released: UUID | None = None
    question: Question | None = None
    choice: Choice | None = None
