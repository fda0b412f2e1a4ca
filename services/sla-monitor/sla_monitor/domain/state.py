"""What the monitor knows of a lead: its clocks, and facts for clocks that may yet start.

Each part is a function of the set of facts that were read: the newest facts of each kind are kept,
and of what decides a clock only the earliest. So the order they come in, and how often, is all one.
"""

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from baton.events import FollowupType

FOLLOWUPS_KEPT = 32
"""The newest so many of each type wait for clocks whose start is still unread. A running clock
needs none of them: it keeps what decides it."""
RELEASES_KEPT = 32
"""The newest so many wait for clocks whose start is still unread."""
CLOCKS_KEPT = 32
"""The newest so many, and older ones as long as they run. A late fact can't change the verdict of
an older one; the table `clock` goes on showing it."""


class Part(BaseModel):
    """A frozen part of a lead's state."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Followup(Part):
    """A `lead.followup`."""

    id: UUID
    type: FollowupType
    occurred_at: AwareDatetime
    received_at: AwareDatetime
    rep: str | None
    assignment_id: UUID | None


class Release(Part):
    """A `lead.released`."""

    id: UUID
    assignment_id: UUID
    occurred_at: AwareDatetime


class Mark(Part):
    """A moment in a clock's life, and the event that shows it. `at` is not before its start."""

    at: AwareDatetime
    fact: UUID


class Breach(Part):
    """A breach as it was told. Durations are business seconds."""

    at: AwareDatetime
    used_seconds: int
    late_seconds: int


class Verdict(StrEnum):
    """How a clock stands. `released`: the assignment ended before it was due; nobody is judged."""

    RUNNING = "running"
    MET = "met"
    BREACHED = "breached"
    RELEASED = "released"


class Clock(Part):
    """A promise about one assignment, with everything that was agreed when it began.

    `bundle` is the hash of the policy that it stands under for good. `answer` is the first fact
    that could meet it, in time or not; `end` is when the assignment ended. `told` is the verdict
    that the last event gave, `met` and `breach` what it said.
    """

    id: UUID
    assignment_id: UUID
    target: str
    cycle: int
    side: str
    rep: str
    team: str
    pool: str
    policy: str
    bundle: str
    calendar: str
    allowed_seconds: int
    met_by: tuple[FollowupType, ...]
    reassign: bool
    started_at: AwareDatetime
    warn_at: AwareDatetime | None
    due_at: AwareDatetime
    facts_complete: bool = True
    answer: Mark | None = None
    end: Mark | None = None
    due_passed: bool = False
    warned_at: AwareDatetime | None = None
    told: Verdict = Verdict.RUNNING
    met: Mark | None = None
    breach: Breach | None = None
    used_seconds: int | None = None

    @property
    def warn_timer(self) -> str:
        """The name of the timer that warns."""
        return f"warn:{self.id}"

    @property
    def due_timer(self) -> str:
        """The name of the timer that judges."""
        return f"due:{self.id}"


class LeadClocks(Part):
    """A lead's state. Clocks are in order of their start, facts of their time; each with its id.

    `followups_forgotten` and `clocks_forgotten` are the newest times that were let go, so that a
    clock can say that it may lack a fact, and no clock starts twice.
    """

    clocks: tuple[Clock, ...] = ()
    cycles: dict[str, int] = {}
    followups: tuple[Followup, ...] = ()
    releases: tuple[Release, ...] = ()
    followups_forgotten: dict[FollowupType, AwareDatetime] = {}
    clocks_forgotten: AwareDatetime | None = None
