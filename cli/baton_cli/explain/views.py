"""The fields that `explain` reads from the services' answers. Lists that a release may extend
(verdicts, codes, states) are plain texts here, so that an older `baton` still shows the rest.
"""

from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter

from baton.events import Profile, Reason, Score


class View(BaseModel):
    """A part of an answer; fields that are not declared are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Enquiry(View):
    """A `lead.captured`."""

    id: UUID
    occurred_at: AwareDatetime
    test: bool
    profile: Profile


class Activity(View):
    """A `lead.activity`."""

    id: UUID
    occurred_at: AwareDatetime
    type: str
    subject: str | None
    bot: str | None = None


class Followup(View):
    """A `lead.followup`."""

    id: UUID
    occurred_at: AwareDatetime
    type: str
    reason: str | None


class ScoreChange(View):
    """A `lead.scored`; `at` is when it was decided, because of the event or timer `cause`."""

    number: int
    at: AwareDatetime
    cause: UUID
    score: Score
    stage_before: str | None
    stage: str
    reasons: tuple[Reason, ...]
    policy: str
    qualified_at: AwareDatetime | None = None


class Scored(View):
    """Scoring's `GET /v1/leads/{id}`; the history is newest first."""

    profile: Profile | None
    score: Score | None
    stage: str | None
    activities: int
    enquiries: tuple[Enquiry, ...]
    latest_activities: tuple[Activity, ...]
    followups: tuple[Followup, ...]
    history: tuple[ScoreChange, ...]


class Candidate(View):
    """A rep who was considered."""

    rep: str
    open: int
    capacity: int
    verdict: str


class PoolChoice(View):
    """A pool that was asked."""

    pool: str
    candidates: tuple[Candidate, ...]


class Choice(View):
    """The result of a routing decision. `reasons` has each rule that was checked, with its result.

    `exclusion` is the id of the exclusion that held; an older release of routing does not say it.
    """

    code: str
    rule: str | None
    reasons: tuple[Reason, ...]
    pools: tuple[PoolChoice, ...]
    rep: str | None
    exclusion: str | None = None


class Decision(View):
    """A routing decision; `code` is what it came to."""

    id: UUID
    at: AwareDatetime
    code: str
    policy: str
    assignment_id: UUID | None
    choice: Choice | None

    @property
    def exclusion(self) -> str | None:
        """The id of the exclusion for which nobody got the lead; then it is the `code` too.

        A decision that leaves the lead with its rep may have met one as well.
        """
        return self.choice.exclusion if self.choice and self.assignment_id is None else None


class Assignment(View):
    """An assignment of the lead, from its start to its end."""

    id: UUID
    decision_id: UUID
    attempt: int
    rep: str
    team: str
    rule: str
    pool: str
    role: str
    assigned_at: AwareDatetime
    accepted_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    ended_code: str | None
    ended_reason: str | None


class Routed(View):
    """Routing's `GET /v1/leads/{id}/assignments`, oldest first."""

    current: Assignment | None
    assignments: tuple[Assignment, ...]
    decisions: tuple[Decision, ...]


class Clock(View):
    """A promise about one assignment; durations are business seconds of `calendar`."""

    target: str
    rep: str
    calendar: str
    allowed_seconds: int
    reassign: bool
    started_at: AwareDatetime
    due_at: AwareDatetime
    state: str
    used_seconds: int | None
    warned_at: AwareDatetime | None
    answered_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    breached_at: AwareDatetime | None
    late_seconds: int | None
    facts_complete: bool
    due_before: AwareDatetime | None = None
    moved_at: AwareDatetime | None = None
    retracted_code: str | None = None


class Clocks(View):
    """The monitor's `GET /v1/leads/{id}/clocks`, by their start."""

    clocks: tuple[Clock, ...]


class QuarantinedEnquiry(View):
    """An enquiry that a rule has held back; `decision` is null while nobody has decided."""

    source: str
    rule: str
    reasons: tuple[Reason, ...]
    received_at: AwareDatetime
    profile: Profile
    decision: str | None
    decided_at: AwareDatetime | None
    decided_by: str | None
    why: str | None


class Quarantine(View):
    """Ingest's `GET /v1/quarantine`, newest first."""

    enquiries: tuple[QuarantinedEnquiry, ...]


SCORED = TypeAdapter(Scored)
ROUTED = TypeAdapter(Routed)
CLOCKS = TypeAdapter(Clocks)
QUARANTINE = TypeAdapter(Quarantine)
