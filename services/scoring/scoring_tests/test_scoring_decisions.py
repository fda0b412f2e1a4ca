"""What is told, when time is looked at again, and that a decision can be repeated to the bit."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from baton import identity
from baton.events import ActivityType, FollowupType, LeadScored, Stage
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Decide, Decision
from baton.runtime.inputs import CommandInput, EventInput, TimerInput
from baton.runtime.ports import Store
from baton.subjects import Subject
from scoring.domain import SUBSCRIPTION, Lead, ScoreChange, decide
from scoring.domain.decision import COOLING, NotForScoringError
from scoring.policy.reads import READS
from scoring.store import ScoringStore

A = ActivityType
F = FollowupType
DAY = timedelta(days=1)

Made = Callable[..., EventInput]
DecideAll = Callable[..., tuple[Lead, list[LeadScored]]]

# What the runner takes; mypy holds these two lines.
DECIDE: Decide[Lead, None] = decide
STORE: Store[Lead, None] = ScoringStore()


def _timer(lead_id: UUID, due: datetime) -> TimerInput:
    return TimerInput(id=UUID(int=7), subject=Subject.lead(lead_id), name=COOLING, due_at=due)


def _looks(lead: Lead, lead_id: UUID, bundle: Bundle) -> Iterator[Decision[Lead, None]]:
    """What is decided whenever the lead's timer is due, until it is set no more."""
    while lead.cools_at is not None:
        due = lead.cools_at
        decision = decide(lead, None, _timer(lead_id, due), bundle, due)
        yield decision
        assert decision.state is not None
        lead = decision.state


def test_each_enquiry_is_told_of_whenever_it_comes(
    enquiry: Made, decide_all: DecideAll, now: datetime
) -> None:
    new, late = enquiry(now), enquiry(now - DAY)
    _, told = decide_all(new, late)
    assert [event.enquiry for event in told] == [new.id, late.id]
    assert all(event.new_enquiry and event.cause == event.enquiry for event in told)


def test_an_enquiry_that_is_known_is_not_told_of_again(
    enquiry: Made, decide_all: DecideAll
) -> None:
    asked = enquiry()
    _, told = decide_all(asked, asked)
    assert len(told) == 1


def test_what_changes_neither_score_nor_stage_is_not_told(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll
) -> None:
    _, told = decide_all(
        enquiry(), activity(A.MAIL_DELIVERED), followup(F.CONTACTED), activity(A.WEBINAR_ATTENDED)
    )
    assert [event.score.engagement for event in told] == [0, 15]


def test_an_activity_is_told_of_with_the_latest_enquiry_which_is_not_new(
    enquiry: Made, activity: Made, decide_all: DecideAll, now: datetime
) -> None:
    latest, done = enquiry(now), activity(A.WEBINAR_ATTENDED, now - DAY)
    _, told = decide_all(latest, enquiry(now - DAY), done)
    assert (told[-1].cause, told[-1].enquiry) == (done.id, latest.id)
    assert not told[-1].new_enquiry
    assert told[-1].occurred_at == now - DAY


def test_a_lead_without_an_enquiry_is_kept_and_not_told_of(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll
) -> None:
    before = [activity(A.WEBINAR_ATTENDED), followup(F.ACCEPTED)]
    lead, told = decide_all(*before)
    assert (len(lead.activities), len(lead.followups), told) == (1, 1, [])
    _, told = decide_all(*before, enquiry())
    assert [(event.stage_before, event.stage) for event in told] == [(None, Stage.SAL)]


def test_the_history_counts_what_was_told_and_has_the_id_that_is_published(
    enquiry: Made, activity: Made, bundle: Bundle, now: datetime
) -> None:
    state = None
    for number, given in enumerate([enquiry(), activity(A.WEBINAR_ATTENDED), enquiry()], start=1):
        decision = decide(state, None, given, bundle, now)
        state = decision.state
        (event,), (row,) = decision.events, decision.rows
        assert isinstance(row, ScoreChange)
        assert (row.number, row.event, row.at, row.policy) == (number, event, now, bundle.hash)
        assert row.event_id == identity.following_id(given.id, given.time, event.event_type, 0)


def test_erasure_leaves_nothing(
    enquiry: Made, erasure: Made, decide_all: DecideAll, bundle: Bundle, now: datetime
) -> None:
    lead, _ = decide_all(enquiry())
    assert decide(lead, None, erasure(), bundle, now) == Decision(None)


def test_an_enquiry_since_the_erasure_that_was_read_before_is_told_of_as_the_first(
    enquiry: Made,
    activity: Made,
    followup: Made,
    erasure: Made,
    decide_all: DecideAll,
    bundle: Bundle,
    now: datetime,
) -> None:
    before = [enquiry(now - 2 * DAY), activity(A.WEBINAR_ATTENDED, now - 2 * DAY)]
    since = [enquiry(now), activity(A.PAGE_VIEWED, now), followup(F.NOTE, now)]
    lead, _ = decide_all(*before, *since)
    decision = decide(lead, None, erasure(now - DAY), bundle, now)
    alone, told_alone = decide_all(*since)
    (told,) = decision.events
    assert isinstance(told, LeadScored)
    assert told.new_enquiry
    assert (told.occurred_at, told.enquiry, told.stage_before) == (now, since[0].id, None)
    assert (told.score, told.stage) == (told_alone[-1].score, told_alone[-1].stage)
    assert decision.state is not None
    assert decision.state.model_copy(update={"told": None}) == alone.model_copy(
        update={"told": None}
    )
    assert len(decision.rows) == 1


def test_what_the_lead_did_since_the_erasure_waits_for_its_enquiry(
    enquiry: Made,
    activity: Made,
    erasure: Made,
    decide_all: DecideAll,
    bundle: Bundle,
    now: datetime,
) -> None:
    later = activity(A.WEBINAR_ATTENDED, now)
    lead, _ = decide_all(enquiry(now - 2 * DAY), later)
    decision = decide(lead, None, erasure(now - DAY), bundle, now)
    assert (decision.events, decision.state) == ((), decide_all(later)[0])


def test_a_lead_whose_points_decay_is_looked_at_once_a_day_at_a_time_of_its_own(
    enquiry: Made, activity: Made, bundle: Bundle, now: datetime, lead_id: UUID
) -> None:
    asked = decide(None, None, enquiry(), bundle, now)
    assert (asked.arm, asked.cancel) == ((), ())
    done = decide(asked.state, None, activity(A.WEBINAR_ATTENDED), bundle, now)
    (arm,) = done.arm
    midnight = now.replace(hour=0)
    assert arm.due_at == midnight + timedelta(seconds=lead_id.int % 86_400)
    assert now < arm.due_at <= now + DAY
    assert not arm.accuses
    assert not decide(done.state, None, activity(A.OTHER), bundle, now).arm
    fired = decide(done.state, None, _timer(lead_id, arm.due_at), bundle, arm.due_at)
    assert [again.due_at for again in fired.arm] == [arm.due_at + DAY]


def test_points_that_do_not_decay_are_not_looked_at_again(
    enquiry: Made, activity: Made, decide_all: DecideAll
) -> None:
    lead, _ = decide_all(enquiry(), activity(A.TRIAL_STARTED), activity(A.UNSUBSCRIBED))
    assert lead.cools_at is None


def test_the_last_look_is_when_nothing_is_left_that_could_decay(
    enquiry: Made,
    activity: Made,
    decide_all: DecideAll,
    bundle: Bundle,
    lead_id: UUID,
) -> None:
    lead, _ = decide_all(enquiry(), activity(A.WEBINAR_ATTENDED))
    looks = list(_looks(lead, lead_id, bundle))
    # 15 points with a half-life of 10 days are less than half a point after 50. The first look is
    # within the first day.
    assert len(looks) == 51
    assert [len(decision.arm) for decision in looks] == [1] * 50 + [0]


def test_time_alone_is_told_of_where_it_changes_grade_or_stage_and_only_then(
    enquiry: Made,
    activity: Made,
    decide_all: DecideAll,
    bundle: Bundle,
    lead_id: UUID,
) -> None:
    lead, _ = decide_all(enquiry(), activity(A.WEBINAR_ATTENDED), activity(A.WEBINAR_ATTENDED))
    (event,) = [event for look in _looks(lead, lead_id, bundle) for event in look.events]
    assert isinstance(event, LeadScored)
    assert (event.stage_before, event.stage, event.score.grade) == (Stage.MQL, Stage.LEAD, "B")
    assert event.cause == UUID(int=7)
    assert not event.new_enquiry


def test_a_bundle_without_decay_ends_the_looks(
    enquiry: Made,
    activity: Made,
    decide_all: DecideAll,
    changed_bundle: Callable[[str, str, str], Bundle],
    now: datetime,
) -> None:
    lead, _ = decide_all(enquiry(), activity(A.WEBINAR_ATTENDED))
    lasting = changed_bundle("scoring.yaml", "    half_life_days: 10\n", "")
    decision = decide(lead, None, activity(A.OTHER), lasting, now)
    assert decision.cancel == (COOLING,)
    assert decision.state is not None
    assert decision.state.cools_at is None


def test_a_timer_of_a_lead_that_is_gone_does_nothing(
    bundle: Bundle, now: datetime, lead_id: UUID
) -> None:
    assert decide(None, None, _timer(lead_id, now), bundle, now) == Decision(None)


def test_a_timer_of_another_name_is_refused_whatever_is_known_of_the_lead(
    enquiry: Made, decide_all: DecideAll, bundle: Bundle, now: datetime, lead_id: UUID
) -> None:
    lead, _ = decide_all(enquiry())
    timer = replace(_timer(lead_id, now), name="warming")
    for state in (lead, None):
        with pytest.raises(NotForScoringError, match="no timer 'warming'"):
            decide(state, None, timer, bundle, now)


def test_a_command_is_refused_by_its_kind_alone(
    bundle: Bundle, now: datetime, lead_id: UUID
) -> None:
    given = CommandInput(
        UUID(int=1), Subject.lead(lead_id), "rescore", {"email": "a@example.com"}, now
    )
    with pytest.raises(NotForScoringError, match=r"^scoring takes no commands.*rescore$"):
        decide(None, None, given, bundle, now)


def test_scoring_reads_all_topics_of_facts_and_those_that_others_tell_of_later() -> None:
    names = [topic.name for topic in SUBSCRIPTION.topics]
    assert names == ["lead-captured", "lead-activity", "lead-followup", "lead-sla", "lead-identity"]
    assert all(used.topic in SUBSCRIPTION.topics for used in SUBSCRIPTION.uses)


def test_decisions_need_nothing_that_could_reach_the_world_outside() -> None:
    program = (
        "import sys, scoring.domain;"
        "print(*{'aiokafka', 'asyncpg', 'fastapi', 'httpx', 'sqlalchemy'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == []


def test_the_same_inputs_give_the_same_decision_to_the_bit(
    enquiry: Made, activity: Made, followup: Made, bundle: Bundle, now: datetime
) -> None:
    again = Bundle.parse(dict(bundle.files), READS)
    first: Lead | None = None
    second: Lead | None = None
    inputs = [
        enquiry(now - 3 * DAY, custom={"seats": 3, "b": 1.5, "a": None}),
        activity(A.WEBINAR_ATTENDED, now - 2 * DAY),
        followup(F.REJECTED, now - DAY, reason="not-now"),
        enquiry(now),
    ]
    for given in inputs:
        one = decide(first, None, given, bundle, now)
        # What was kept is read back from the database before the second time.
        kept = None if second is None else Lead.model_validate_json(second.model_dump_json())
        two = decide(kept, None, given, again, now)
        first, second = one.state, two.state
        assert one.state is not None
        assert two.state is not None
        assert one.state.model_dump_json() == two.state.model_dump_json()
        assert [e.model_dump_json() for e in one.events] == [
            e.model_dump_json() for e in two.events
        ]
        assert (one.arm, one.cancel, one.rows) == (two.arm, two.cancel, two.rows)
