"""What the monitor knows of a lead: its clocks, and facts for clocks that may yet start.

Each part is a function of the set of facts that were read: the newest facts of each kind are kept,
and of what decides a clock only the earliest. So the order they come in, and how often, is all one.

A state that an older release wrote lacks the fields that were added since; each has a default that
keeps the state's meaning. A newer release also writes fields that this one does not know. They are
passed over: a state that says anything by them has a version which this release does not read.
"""

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from baton.events import AssignmentChange, FollowupType
from sla_monitor.policy.sla import with_later_milestones

FOLLOWUPS_KEPT = 32
"""The newest so many of each type wait for clocks whose start is still unread. A running clock
needs none of them: it keeps what decides it."""
RELEASES_KEPT = 32
"""The newest so many wait for clocks whose start is still unread."""
CLOCKS_KEPT = 32
"""The newest so many, and older ones as long as they run. A late fact can't change the verdict of
an older one; the table `clock` goes on showing it."""
ASSIGNMENTS_KEPT = 64
"""The newest so many, and those that clocks belong to."""
WARN, DUE = "warn:", "due:"
"""How the names of timers begin; the id of their clock follows."""


class Part(BaseModel):
    """A frozen part of a lead's state."""

    model_config = ConfigDict(frozen=True)


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


class Assignment(Part):
    """A `lead.routed`.

    `tenure` is the first assignment of one rep in an unbroken row: those that were renewed, and
    that the lead returned to, belong to it.
    """

    id: UUID
    tenure: UUID
    started_at: AwareDatetime
    change: AssignmentChange
    previous: UUID | None


class Due(Part):
    """When a promise is due, by the enquiry of `assignment_id`, which came at `since`."""

    at: AwareDatetime
    warn_at: AwareDatetime | None
    assignment_id: UUID
    since: AwareDatetime


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
    """How a clock stands.

    `released`: the assignment ended before it was due, or exists only because of a breach that was
    wrong; nobody is judged. `covered`: an earlier clock of the tenure serves this enquiry too.
    """

    RUNNING = "running"
    MET = "met"
    BREACHED = "breached"
    RELEASED = "released"
    COVERED = "covered"


class Clock(Part):
    """A promise about one assignment, with everything that was agreed when it began.

    `cycle` is 0 until it has started: a clock that is covered waits for a fact that shows that it
    is not. `bundle` is the hash of the policy that it stands under for good. `warn_at` and `due_at`
    are what its own enquiry was promised; where a later enquiry is due sooner, `moved` holds.
    `answer` is the first fact that could meet it, in time or not; `end` is when the assignment
    ended. `void` is the answer that shows that the assignment exists only because of a wrong
    breach. `told` is the verdict that the last event gave, `met` and `breach` what it said.

    `moved`, `covered` and `void` follow from the lead's other clocks, see `settling`.
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
    later_milestones: bool = True
    reassign: bool
    started_at: AwareDatetime
    warn_at: AwareDatetime | None
    due_at: AwareDatetime
    facts_complete: bool = True
    answer: Mark | None = None
    end: Mark | None = None
    moved: Due | None = None
    covered: bool = False
    void: Mark | None = None
    due_passed: bool = False
    warned_at: AwareDatetime | None = None
    told: Verdict = Verdict.RUNNING
    met: Mark | None = None
    breach: Breach | None = None
    used_seconds: int | None = None

    @property
    def due(self) -> Due:
        """When it is due, and when to warn."""
        own = Due(
            at=self.due_at,
            warn_at=self.warn_at,
            assignment_id=self.assignment_id,
            since=self.started_at,
        )
        return self.moved or own

    @property
    def answers(self) -> frozenset[FollowupType]:
        """The follow-ups that meet it."""
        named = frozenset(self.met_by)
        return with_later_milestones(named) if self.later_milestones else named

    @property
    def warn_timer(self) -> str:
        """The name of the timer that warns."""
        return f"{WARN}{self.id}"

    @property
    def due_timer(self) -> str:
        """The name of the timer that judges."""
        return f"{DUE}{self.id}"


class LeadClocks(Part):
    """A lead's state. Clocks and assignments are in order of their start, facts of their time.

    `followups_forgotten` and `clocks_forgotten` are the newest times that were let go, so that a
    clock can say that it may lack a fact, and no clock starts twice.
    """

    clocks: tuple[Clock, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    cycles: dict[str, int] = {}
    followups: tuple[Followup, ...] = ()
    releases: tuple[Release, ...] = ()
    followups_forgotten: dict[FollowupType, AwareDatetime] = {}
    clocks_forgotten: AwareDatetime | None = None
