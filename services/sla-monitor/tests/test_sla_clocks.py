"""The life of a clock, by examples in the bundle's two calendars."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

import pytest

from baton.cloudevents import Event
from baton.events import (
    EventData,
    FollowupType,
    LeadErased,
    LeadEvent,
    LeadFollowup,
    LeadReleased,
    LeadRouted,
    Profile,
    ReleaseCode,
    Rep,
    Score,
    SlaBreached,
    SlaMet,
    SlaRetracted,
    SlaStarted,
    SlaWarned,
    Stage,
)
from baton.policy.bundle import Bundle
from baton.runtime.inputs import Arm, CommandInput, EventInput, Input, TimerInput
from sla_monitor.domain import ClockRow, LeadClocks, decide
from sla_monitor.domain.deciding import UnexpectedInputError
from sla_monitor.domain.starting import UnknownPolicyError

LEAD = UUID("00000000-0000-8000-8000-000000000001")
FIRST = UUID("00000000-0000-8000-8000-0000000000a1")
SECOND = UUID("00000000-0000-8000-8000-0000000000a2")
MONDAY = "2026-03-02T10:00+01:00"
NIGHT = {"team": "night"}


def t(text: str) -> datetime:
    return datetime.fromisoformat(text)


def event_id(name: str) -> UUID:
    return uuid5(LEAD, name)


@dataclass
class Lead:
    """A lead at the monitor: give it facts, let time pass, look at what was told."""

    bundle: Bundle
    others: dict[str, Bundle] = field(default_factory=dict)
    state: LeadClocks | None = None
    told: list[EventData] = field(default_factory=list)
    timers: dict[str, Arm] = field(default_factory=dict)
    rows: list[ClockRow] = field(default_factory=list)

    def give(self, given: Input, now: datetime) -> list[EventData]:
        decision = decide(self.state, self.others, given, self.bundle, now)
        self.state = decision.state
        self.told += decision.events
        for arm in decision.arm:
            self.timers[arm.name] = arm
        for name in decision.cancel:
            self.timers.pop(name, None)
        for row in decision.rows:
            assert isinstance(row, ClockRow)
            self.rows.append(row)
        return list(decision.events)

    def fact(
        self, data: LeadEvent, name: str, now: str | datetime, policy: str | None = None
    ) -> list[EventData]:
        moment = t(now) if isinstance(now, str) else now
        event = Event(event_id(name), "/test", moment, str(LEAD), data, policyversion=policy)
        return self.give(EventInput(event), moment)

    def routed(
        self,
        at: str,
        assignment: UUID = FIRST,
        *,
        rep: str = "rep-1",
        team: str = "inside",
        sla: str = "standard",
        policy: str | None = None,
    ) -> list[EventData]:
        data = LeadRouted(
            lead_id=LEAD,
            occurred_at=t(at),
            assignment_id=assignment,
            decision_id=assignment,
            enquiry=None,
            attempt=1,
            rep=Rep(id=rep, name=rep),
            role="sdr",
            team=team,
            pool="inbound",
            rule="all",
            sla_policy=sla,
            reasons=(),
            score=Score(fit=0, engagement=0, total=0, grade="A"),
            stage=Stage.MQL,
            profile=Profile(brand="acme", source="website"),
        )
        return self.fact(data, f"routed {assignment}", at, policy)

    def released(
        self, at: str, assignment: UUID = FIRST, *, heard: str | None = None
    ) -> list[EventData]:
        data = LeadReleased(
            lead_id=LEAD,
            occurred_at=t(at),
            assignment_id=assignment,
            decision_id=assignment,
            rep=Rep(id="rep-1", name="rep-1"),
            pool="inbound",
            code=ReleaseCode.DECLINED,
        )
        return self.fact(data, f"released {assignment}", heard or at)

    def followed_up(
        self,
        kind: FollowupType,
        at: str,
        *,
        heard: str | None = None,
        rep: str | None = None,
        assignment: UUID | None = None,
    ) -> list[EventData]:
        heard = heard or at
        data = LeadFollowup(
            lead_id=LEAD,
            occurred_at=t(at),
            received_at=t(heard),
            source="website",
            type=kind,
            rep=rep,
            assignment_id=assignment,
        )
        return self.fact(data, f"{kind} {at}", heard)

    def wait_until(self, moment: str, *, facts_complete: bool = True) -> list[EventData]:
        events = []
        for arm in sorted(self.timers.values(), key=lambda arm: arm.due_at):
            if arm.due_at <= t(moment) and arm.name in self.timers:
                del self.timers[arm.name]
                timer = TimerInput(event_id(arm.name), LEAD, arm.name, arm.due_at, facts_complete)
                events += self.give(timer, t(moment))
        return events


@pytest.fixture
def lead(bundle: Bundle) -> Lead:
    return Lead(bundle)


def the(events: list[EventData], *types: type[EventData]) -> EventData:
    assert [type(event) for event in events] == list(types)
    return events[-1]


def test_an_assignment_starts_a_clock_in_the_hours_of_its_team(lead: Lead) -> None:
    started = the(lead.routed(MONDAY), SlaStarted)

    assert isinstance(started, SlaStarted)
    assert started.due_at == t("2026-03-02T14:00+01:00")
    assert started.warn_at == t("2026-03-02T13:00+01:00")
    assert (started.allowed_seconds, started.calendar) == (4 * 3600, "office")
    assert (started.target, started.cycle, started.side) == ("first_response", 1, "sales")
    assert lead.timers == {
        f"warn:{started.clock_id}": Arm(f"warn:{started.clock_id}", t("2026-03-02T13:00+01:00")),
        f"due:{started.clock_id}": Arm(
            f"due:{started.clock_id}", t("2026-03-02T14:00+01:00"), accuses=True
        ),
    }


@pytest.mark.parametrize(
    ("start", "due"),
    [
        pytest.param("2026-03-06T16:00+01:00", "2026-03-09T12:00+01:00", id="over a weekend"),
        pytest.param("2026-04-30T15:00+02:00", "2026-05-04T11:00+02:00", id="over a holiday"),
        pytest.param("2026-03-27T15:00+01:00", "2026-03-30T11:00+02:00", id="into summer time"),
        pytest.param("2026-03-02T22:00+01:00", "2026-03-03T13:00+01:00", id="from after hours"),
    ],
)
def test_only_business_hours_count(lead: Lead, start: str, due: str) -> None:
    started = the(lead.routed(start), SlaStarted)
    assert isinstance(started, SlaStarted)
    assert started.due_at == t(due)

    lead.wait_until(due)
    breached = lead.told[-1]

    assert isinstance(breached, SlaBreached)
    assert (breached.used_seconds, breached.late_seconds) == (4 * 3600, 0)


def test_the_night_shift_works_while_clocks_go_back(lead: Lead) -> None:
    started = the(lead.routed("2026-10-25T00:30+02:00", team="night"), SlaStarted)

    assert isinstance(started, SlaStarted)
    assert started.due_at == t("2026-10-25T03:30+01:00")


def test_a_contact_in_time_meets_the_promise_and_stops_its_timers(lead: Lead) -> None:
    lead.routed("2026-03-06T16:00+01:00")
    met = the(lead.followed_up(FollowupType.CONTACTED, "2026-03-09T09:30+01:00"), SlaMet)

    assert isinstance(met, SlaMet)
    assert met.met_at == met.occurred_at == t("2026-03-09T09:30+01:00")
    assert met.used_seconds == 90 * 60
    assert met.fact == event_id(f"{FollowupType.CONTACTED} 2026-03-09T09:30+01:00")
    assert lead.timers == {}


def test_a_contact_at_the_due_time_is_in_time(lead: Lead) -> None:
    lead.routed(MONDAY)
    the(lead.followed_up(FollowupType.CONTACTED, "2026-03-02T14:00+01:00"), SlaMet)


def test_what_the_target_does_not_name_does_not_meet_it(lead: Lead) -> None:
    lead.routed(MONDAY)
    assert lead.followed_up(FollowupType.ATTEMPTED, "2026-03-02T10:30+01:00") == []


def test_a_warning_is_given_once_and_before_the_breach(lead: Lead) -> None:
    lead.routed(MONDAY)
    warned = the(lead.wait_until("2026-03-02T13:00:02+01:00"), SlaWarned)
    breached = the(lead.wait_until("2026-03-02T14:05+01:00"), SlaBreached)

    assert isinstance(warned, SlaWarned)
    assert warned.used_seconds == 3 * 3600 + 2
    assert isinstance(breached, SlaBreached)
    assert (breached.used_seconds, breached.late_seconds) == (4 * 3600 + 300, 300)
    assert breached.occurred_at == breached.due_at
    assert breached.reassign
    assert breached.facts_complete


def test_nobody_is_warned_of_what_is_due_already(lead: Lead) -> None:
    lead.routed(MONDAY)
    the(lead.wait_until("2026-03-02T14:00+01:00"), SlaBreached)


def test_a_policy_that_only_notifies_does_not_reassign(lead: Lead) -> None:
    lead.routed(MONDAY, sla="patient")
    breached = the(lead.wait_until("2026-03-02T14:00+01:00"), SlaBreached)

    assert isinstance(breached, SlaBreached)
    assert not breached.reassign


def test_a_breach_says_where_facts_may_be_missing(lead: Lead) -> None:
    lead.routed(MONDAY, sla="patient")
    events = lead.wait_until("2026-03-02T14:10+01:00", facts_complete=False)
    breached = the(events, SlaBreached)

    assert isinstance(breached, SlaBreached)
    assert not breached.facts_complete


def test_a_contact_in_time_that_comes_late_takes_the_breach_back(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.wait_until("2026-03-02T14:00+01:00")
    at, heard = "2026-03-02T13:59+01:00", "2026-03-02T15:00+01:00"
    retracted, met = lead.followed_up(FollowupType.CONTACTED, at, heard=heard)

    assert isinstance(retracted, SlaRetracted)
    assert isinstance(met, SlaMet)
    assert (retracted.code, retracted.fact) == ("answered_in_time", met.fact)
    assert met.met_at == t(at)


def test_a_contact_after_the_due_time_changes_nothing(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.wait_until("2026-03-02T14:00+01:00")
    assert lead.followed_up(FollowupType.CONTACTED, "2026-03-02T14:00:01+01:00") == []
    assert lead.rows[-1].clock.answer is not None


def test_an_earlier_contact_that_comes_late_corrects_what_was_told(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.followed_up(FollowupType.CONTACTED, "2026-03-02T12:00+01:00")
    retracted, met = lead.followed_up(
        FollowupType.MEETING_BOOKED, "2026-03-02T11:00+01:00", heard="2026-03-02T12:30+01:00"
    )

    assert isinstance(retracted, SlaRetracted)
    assert retracted.code == "answered_earlier"
    assert isinstance(met, SlaMet)
    assert met.met_at == t("2026-03-02T11:00+01:00")


def test_a_later_contact_does_not_meet_a_promise_twice(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.followed_up(FollowupType.CONTACTED, "2026-03-02T11:00+01:00")
    assert lead.followed_up(FollowupType.CONTACTED, "2026-03-02T12:00+01:00") == []


def test_a_release_before_the_due_time_closes_the_clock_unjudged(lead: Lead) -> None:
    lead.routed(MONDAY)
    retracted = the(lead.released("2026-03-02T12:00+01:00"), SlaRetracted)

    assert isinstance(retracted, SlaRetracted)
    assert (retracted.code, retracted.fact) == ("released", event_id(f"released {FIRST}"))
    assert lead.timers == {}


def test_a_release_that_follows_from_the_breach_does_not_take_it_back(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.wait_until("2026-03-02T14:00+01:00")
    assert lead.released("2026-03-02T14:00+01:00") == []


def test_a_release_in_time_that_comes_late_takes_the_breach_back(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.wait_until("2026-03-02T14:00+01:00")
    retracted = the(
        lead.released("2026-03-02T13:00+01:00", heard="2026-03-02T15:00+01:00"), SlaRetracted
    )

    assert isinstance(retracted, SlaRetracted)
    assert retracted.code == "released"


def test_a_contact_after_the_release_was_not_this_reps_answer(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.followed_up(FollowupType.CONTACTED, "2026-03-02T12:00+01:00")
    retracted = the(
        lead.released("2026-03-02T11:00+01:00", heard="2026-03-02T12:30+01:00"), SlaRetracted
    )

    assert isinstance(retracted, SlaRetracted)
    assert retracted.code == "released"


def test_a_contact_before_the_release_that_comes_late_meets_the_promise(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.released("2026-03-02T12:00+01:00")
    events = lead.followed_up(
        FollowupType.CONTACTED, "2026-03-02T11:00+01:00", heard="2026-03-02T12:30+01:00"
    )
    the(events, SlaMet)


def test_facts_may_come_before_the_assignment_that_they_answer(lead: Lead) -> None:
    lead.followed_up(FollowupType.CONTACTED, "2026-03-02T10:30+01:00")
    events = lead.routed(MONDAY)

    the(events, SlaStarted, SlaMet)
    assert lead.timers == {}


def test_a_release_may_come_before_the_assignment_that_it_ends(lead: Lead) -> None:
    lead.released("2026-03-02T10:30+01:00")
    the(lead.routed(MONDAY), SlaStarted, SlaRetracted)


def test_each_assignment_starts_the_next_cycle(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.wait_until("2026-03-02T14:00+01:00")
    started = the(lead.routed("2026-03-02T14:00+01:00", SECOND, rep="rep-2"), SlaStarted)

    assert isinstance(started, SlaStarted)
    assert (started.cycle, started.rep) == (2, "rep-2")


def test_an_assignment_that_comes_twice_starts_one_clock(lead: Lead) -> None:
    lead.routed(MONDAY)
    assert lead.routed(MONDAY) == []


def test_a_timer_of_a_closed_clock_does_nothing(lead: Lead) -> None:
    lead.routed(MONDAY)
    timers = list(lead.timers.values())
    lead.followed_up(FollowupType.CONTACTED, "2026-03-02T11:00+01:00")
    for arm in timers:
        timer = TimerInput(event_id(arm.name), LEAD, arm.name, arm.due_at)
        assert lead.give(timer, t("2026-03-02T15:00+01:00")) == []


def test_an_erased_lead_takes_its_running_clocks_and_their_timers_with_it(lead: Lead) -> None:
    lead.routed(MONDAY)
    timers = list(lead.timers.values())
    now = "2026-03-02T11:00+01:00"
    erased = LeadErased(lead_id=LEAD, occurred_at=t(now), requested_by="dpo", why="asked")
    retracted = the(lead.fact(erased, "erased", now), SlaRetracted)

    assert isinstance(retracted, SlaRetracted)
    assert retracted.code == "erased"
    assert lead.state is None
    assert lead.timers == {}
    for arm in timers:
        timer = TimerInput(event_id(arm.name), LEAD, arm.name, arm.due_at)
        assert lead.give(timer, t("2026-03-02T15:00+01:00")) == []


def test_an_assignment_under_an_unknown_policy_is_refused(lead: Lead) -> None:
    with pytest.raises(UnknownPolicyError, match="no SLA policy 'gone'"):
        lead.routed(MONDAY, sla="gone")
    with pytest.raises(UnknownPolicyError, match="no team 'gone'"):
        lead.routed(MONDAY, team="gone")


def test_a_command_is_refused(lead: Lead) -> None:
    with pytest.raises(UnexpectedInputError, match="no command 'pause'"):
        lead.give(CommandInput(event_id("c"), LEAD, "pause", None, t(MONDAY)), t(MONDAY))


def test_a_clock_stays_under_the_bundle_that_its_assignment_was_decided_with(lead: Lead) -> None:
    agreed = lead.bundle
    changed = dict(agreed.files)
    changed["sla.yaml"] = changed["sla.yaml"].replace("4h", "1h")
    changed["calendars.yaml"] = changed["calendars.yaml"].replace("09:00-17:00", "12:00-17:00")
    lead.bundle = Bundle.parse(changed)
    lead.others = {agreed.hash: agreed}
    started = the(lead.routed(MONDAY, policy=agreed.hash), SlaStarted)
    met = the(lead.followed_up(FollowupType.CONTACTED, "2026-03-02T13:30+01:00"), SlaMet)

    assert isinstance(started, SlaStarted)
    assert started.due_at == t("2026-03-02T14:00+01:00")
    assert isinstance(met, SlaMet)
    assert met.used_seconds == 3.5 * 3600
    assert lead.rows[-1].clock.bundle == agreed.hash


def test_a_clock_whose_calendar_nobody_knows_any_more_still_takes_its_answer(lead: Lead) -> None:
    lead.routed(MONDAY)
    changed = {name: text.replace("office", "shop") for name, text in lead.bundle.files.items()}
    lead.bundle = Bundle.parse(changed)
    met = the(lead.followed_up(FollowupType.CONTACTED, "2026-03-02T11:00+01:00"), SlaMet)

    assert isinstance(met, SlaMet)
    assert met.used_seconds == 3600
