"""The events of one lead, for tests of what the demo makes of them."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

from baton.cloudevents import Event
from baton.events import (
    AssignmentChange,
    Company,
    Contact,
    DeadLetter,
    EventData,
    LeadCaptured,
    LeadReleased,
    LeadRouted,
    LeadScored,
    LeadUnrouted,
    Profile,
    ReleaseCode,
    Rep,
    Score,
    SlaBreached,
    SlaEvent,
    SlaMet,
    SlaMoved,
    SlaRetracted,
    SlaStarted,
    SlaWarned,
    Stage,
)

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
ALLOWED = timedelta(seconds=6)
SCORE = Score(fit=60, engagement=0, total=60, grade="A")
REPS = {number: Rep(id=f"rep-{number}", name=f"Rep {number}") for number in range(1, 4)}


def event(data: EventData) -> Event[EventData]:
    """With an id of its own."""
    return Event(id=uuid4(), source="/baton/test", time=NOW, subject="test", data=data)


def dead_letter() -> Event[EventData]:
    return event(
        DeadLetter(
            dead_letter_id=uuid4(),
            service="routing",
            kind="event",
            occurred_at=NOW,
            reason="a test",
        )
    )


class Lead:
    """Somebody at a company; each method is an event that says what happened next."""

    def __init__(self, title: str = "Head of IT") -> None:
        self.id = uuid4()
        self.enquiry: UUID | None = None
        self.profile = Profile(
            brand="main",
            source="website",
            contact=Contact(email="head-of-it@example.com", job_title=title),
            company=Company(name="Example Manufacturing"),
        )
        self._attempts = count(1)
        self._rep = REPS[1]
        self._assignment_id = uuid4()
        self._clock_id = uuid4()

    def captured(self) -> Event[EventData]:
        told = event(
            LeadCaptured(lead_id=self.id, occurred_at=NOW, received_at=NOW, profile=self.profile)
        )
        self.enquiry = told.id
        return told

    def scored(self, stage: Stage = Stage.MQL) -> Event[EventData]:
        return event(
            LeadScored(
                lead_id=self.id,
                occurred_at=NOW,
                cause=self.enquiry or uuid4(),
                enquiry=self.enquiry,
                new_enquiry=True,
                score=SCORE,
                stage_before=None,
                stage=stage,
                reasons=(),
                profile=self.profile,
            )
        )

    def routed(self, rep: int = 1, pool: str = "north") -> Event[EventData]:
        attempt = next(self._attempts)
        previous = self._rep.id if attempt > 1 else None
        self._rep, self._assignment_id, self._clock_id = REPS[rep], uuid4(), uuid4()
        return event(
            LeadRouted(
                lead_id=self.id,
                occurred_at=NOW,
                assignment_id=self._assignment_id,
                decision_id=uuid4(),
                enquiry=self.enquiry,
                attempt=attempt,
                rep=self._rep,
                role="sales-development",
                team="north",
                pool=pool,
                rule="north",
                sla_policy="seconds",
                previous_rep=previous,
                reasons=(),
                score=SCORE,
                stage=Stage.MQL,
                profile=self.profile,
            )
        )

    def renewed(self, change: AssignmentChange = AssignmentChange.RENEWED) -> Event[EventData]:
        """The rep keeps the lead, or gets it back, under a new id; the clock stays the first's."""
        return event(
            LeadRouted(
                lead_id=self.id,
                occurred_at=NOW,
                assignment_id=uuid4(),
                decision_id=uuid4(),
                enquiry=self.enquiry,
                attempt=1,
                rep=self._rep,
                role="sales-development",
                team="north",
                pool="north",
                rule="north",
                sla_policy="seconds",
                previous_rep=self._rep.id,
                reasons=(),
                score=SCORE,
                stage=Stage.MQL,
                profile=self.profile,
                change=change,
                previous_assignment=self._assignment_id,
            )
        )

    def unrouted(self, code: str, *, again: bool = False) -> Event[EventData]:
        return event(
            LeadUnrouted(
                lead_id=self.id,
                occurred_at=NOW,
                decision_id=uuid4(),
                enquiry=self.enquiry,
                attempt=1,
                code=code,
                retry_at=NOW if again else None,
                reasons=(),
            )
        )

    def released(self, code: ReleaseCode) -> Event[EventData]:
        return event(
            LeadReleased(
                lead_id=self.id,
                occurred_at=NOW,
                assignment_id=self._assignment_id,
                decision_id=uuid4(),
                rep=self._rep,
                pool="north",
                code=code,
                reason="wrong-territory" if code is ReleaseCode.DECLINED else None,
            )
        )

    def promised(self) -> Event[EventData]:
        started = {"started_at": NOW, "warn_at": NOW + ALLOWED / 2, "calendar": "always"}
        return self._clock(SlaStarted, **started, allowed_seconds=6)

    def warned(self) -> Event[EventData]:
        return self._clock(SlaWarned, used_seconds=3)

    def moved(self) -> Event[EventData]:
        return self._clock(SlaMoved, due_before=NOW + ALLOWED, warn_at=None)

    def kept(self) -> Event[EventData]:
        return self._clock(SlaMet, met_at=NOW, used_seconds=2, fact=uuid4())

    def broken(self) -> Event[EventData]:
        return self._clock(SlaBreached, used_seconds=6, late_seconds=0, reassign=True)

    def dropped(self) -> Event[EventData]:
        return self._clock(SlaRetracted, code="released")

    def _clock(self, says: type[SlaEvent], **more: object) -> Event[EventData]:
        common = {
            "lead_id": self.id,
            "occurred_at": NOW,
            "clock_id": self._clock_id,
            "assignment_id": self._assignment_id,
            "target": "first_response",
            "cycle": 1,
            "side": "sales",
            "rep": self._rep.id,
            "team": "north",
            "pool": "north",
            "due_at": NOW + ALLOWED,
        }
        return event(says.model_validate(common | more))
