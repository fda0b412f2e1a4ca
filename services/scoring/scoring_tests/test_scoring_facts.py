"""Score and stage follow from the set of a lead's facts, in whatever order they arrive."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.events import (
    ActivityType,
    FollowupType,
    History,
    LeadFollowup,
    LeadScored,
    Outcome,
    Stage,
)
from baton.policy.bundle import Bundle
from baton.runtime.inputs import EventInput
from scoring.domain import Lead, decide
from scoring.domain.state import ACTIVITIES_KEPT, ENQUIRIES_KEPT, FOLLOWUPS_KEPT, SUBJECT_KEPT
from scoring.policy.reads import ROUTED_STAGES

A = ActivityType
F = FollowupType
DAY = timedelta(days=1)

Made = Callable[..., EventInput]
DecideAll = Callable[..., tuple[Lead, list[LeadScored]]]

WHEN = st.integers(0, 40).map(lambda steps: steps * timedelta(hours=-13))
PROFILES = st.fixed_dictionaries(
    {"request": st.fixed_dictionaries({"message": st.sampled_from(["call me", " "])})},
    optional={
        "contact": st.fixed_dictionaries(
            {},
            optional={
                "email": st.sampled_from(["one@example.com", "two@example.com", ""]),
                "country": st.sampled_from(["DE", "NO", "ZZ", " "]),
                "job_title": st.sampled_from(["student", "director"]),
            },
        ),
        "company": st.fixed_dictionaries({"employees": st.none() | st.integers(0, 300)}),
        "external_id": st.sampled_from(["a", "b"]),
        "campaign": st.fixed_dictionaries({"name": st.sampled_from(["spring", "autumn"])}),
        "consent": st.fixed_dictionaries({"status": st.sampled_from(["granted", "denied"])}),
        "custom": st.dictionaries(st.sampled_from(["seats", "x"]), st.none() | st.integers(0, 9)),
    },
)
HISTORIES = st.builds(
    History,
    owner=st.sampled_from([None, "rep-1"]),
    stage=st.none() | st.sampled_from(Stage),
    outcomes=st.lists(
        st.builds(
            Outcome,
            type=st.sampled_from([F.REJECTED, F.ACCEPTED, F.WON, F.CONTACTED]),
            occurred_at=WHEN.map(lambda before: datetime(2026, 3, 2, 12, tzinfo=UTC) + before),
        ),
        max_size=3,
    ),
)
ENQUIRIES = st.builds(
    lambda profile, test, history: {**profile, "test": test, "history": history},
    PROFILES,
    st.booleans(),
    st.none() | HISTORIES,
)
ACTIVITIES = st.fixed_dictionaries(
    {
        "type_": st.sampled_from([A.WEBINAR_ATTENDED, A.TRIAL_STARTED, A.UNSUBSCRIBED])
        | st.sampled_from(A),
        "subject": st.sampled_from([None, "https://www.example.com/pricing"]),
        "bot": st.booleans(),
    }
)
FOLLOWUPS = st.fixed_dictionaries(
    {
        "type_": st.sampled_from([F.REJECTED, F.ACCEPTED]) | st.sampled_from(F),
        "reason": st.sampled_from([None, "not-now", "spam", "not-mine"]),
    }
)
FACTS = st.lists(
    st.tuples(st.just("enquiry"), WHEN, ENQUIRIES)
    | st.tuples(st.just("activity"), WHEN, ACTIVITIES)
    | st.tuples(st.just("followup"), WHEN, FOLLOWUPS),
    min_size=1,
    max_size=14,
)


FACTS_BUT_IMPORTS = FACTS.map(
    lambda facts: [
        (kind, ago, {**parts, "history": None}) if kind == "enquiry" else (kind, ago, parts)
        for kind, ago, parts in facts
    ]
)


def _end(lead: Lead) -> tuple[object, ...]:
    """All that must not depend on the order; how often the lead was told of may."""
    told = lead.told and (lead.told.score, lead.told.stage, lead.told.consent)
    return lead.model_copy(update={"told": None}).model_dump_json(), told


@settings(max_examples=300, deadline=None)
@given(drawn=FACTS, data=st.data())
def test_facts_in_any_order_and_repeated_come_to_the_same_state_score_and_stage(
    enquiry: Made,
    activity: Made,
    followup: Made,
    decide_all: DecideAll,
    now: datetime,
    drawn: list[tuple[str, timedelta, dict[str, object]]],
    data: st.DataObject,
) -> None:
    makers = {"enquiry": enquiry, "activity": activity, "followup": followup}
    facts = [
        makers[kind](at=now + ago, id_=number, **parts)
        for number, (kind, ago, parts) in enumerate(drawn)
    ]
    again = data.draw(st.lists(st.sampled_from(facts), max_size=6))
    first, _ = decide_all(*facts)
    other, _ = decide_all(*data.draw(st.permutations([*facts, *again])))
    assert _end(other) == _end(first)


@settings(max_examples=300, deadline=None)
@given(drawn=FACTS_BUT_IMPORTS, data=st.data())
def test_facts_in_any_order_and_repeated_agree_whether_a_lead_qualified_after_a_give_back(
    enquiry: Made,
    activity: Made,
    followup: Made,
    decide_all: DecideAll,
    bundle: Bundle,
    now: datetime,
    drawn: list[tuple[str, timedelta, dict[str, object]]],
    data: st.DataObject,
) -> None:
    makers = {"enquiry": enquiry, "activity": activity, "followup": followup}
    facts = [
        makers[kind](at=now + ago, id_=number, **parts)
        for number, (kind, ago, parts) in enumerate(drawn)
    ]
    given_back = _last_give_back(facts)
    again = data.draw(st.lists(st.sampled_from(facts), max_size=6))
    told = []
    for order in (facts, data.draw(st.permutations([*facts, *again]))):
        lead, events = decide_all(*order)
        told.append(lead.told.qualified_at if lead.told else None)
        if lead.told is None:
            continue
        real = any(not each.test for each in lead.enquiries)
        qualified = real and bundle.section(ROUTED_STAGES).takes(lead.told.stage)
        assert (lead.told.qualified_at is not None) == qualified
        assert [event for event in events if not event.test or not real][-1].qualified_at == (
            lead.told.qualified_at
        )
    if given_back is not None:
        assert told[0] == told[1]
        assert told[0] is None or told[0] > given_back


def _last_give_back(facts: list[EventInput]) -> datetime | None:
    """When sales gave the lead back last: nobody gives back a customer."""
    last = None
    for event in sorted(facts, key=lambda each: (each.event.data.occurred_at, each.id)):
        data = event.event.data
        if isinstance(data, LeadFollowup) and data.type is F.WON:
            break
        if (
            isinstance(data, LeadFollowup)
            and data.type in (F.REJECTED, F.LOST)
            and data.reason != "not-mine"
        ):
            last = data.occurred_at
    return last


@settings(max_examples=30, deadline=None)
@given(data=st.data(), most=st.sampled_from([3, 5]))
def test_of_too_many_facts_the_newest_are_kept_in_whatever_order_they_arrive(
    activity: Made, decide_all: DecideAll, now: datetime, data: st.DataObject, most: int
) -> None:
    views = [
        activity(A.PAGE_VIEWED, now - (i // 2) * DAY, id_=i) for i in range(ACTIVITIES_KEPT + most)
    ]
    lead, _ = decide_all(*data.draw(st.permutations(views)))
    # Of two that happened at the same time, the one with the lower id is the older.
    newest = sorted(views, key=lambda e: (e.event.data.occurred_at, e.id))[-ACTIVITIES_KEPT:]
    assert [kept.id for kept in lead.activities] == [event.id for event in newest]


def test_many_page_views_do_not_push_out_the_one_webinar(
    enquiry: Made, activity: Made, decide_all: DecideAll, now: datetime
) -> None:
    views = [activity(A.PAGE_VIEWED, now) for _ in range(ACTIVITIES_KEPT + 1)]
    lead, told = decide_all(enquiry(), activity(A.WEBINAR_ATTENDED, now - DAY), *views)
    assert len(lead.activities) == ACTIVITIES_KEPT + 1
    assert told[-1].score.engagement == 14


def test_followups_are_kept_by_type_up_to_a_bound(
    followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    notes = [followup(F.NOTE, now) for _ in range(FOLLOWUPS_KEPT + 1)]
    lead, _ = decide_all(followup(F.ACCEPTED, now - DAY), *notes)
    assert len(lead.followups) == FOLLOWUPS_KEPT + 1


def test_trial_enquiries_do_not_push_out_real_ones(
    enquiry: Made, decide_all: DecideAll, now: datetime
) -> None:
    trials = [enquiry(now, test=True) for _ in range(ENQUIRIES_KEPT + 1)]
    lead, _ = decide_all(enquiry(now - DAY), *trials)
    assert len(lead.enquiries) == ENQUIRIES_KEPT + 1


def test_an_enquiry_too_old_to_be_kept_is_told_of_all_the_same(
    enquiry: Made, decide_all: DecideAll, now: datetime
) -> None:
    late = enquiry(now - DAY)
    lead, told = decide_all(*[enquiry(now) for _ in range(ENQUIRIES_KEPT)], late)
    assert late.id not in [kept.id for kept in lead.enquiries]
    assert told[-1].enquiry == late.id
    assert told[-1].new_enquiry


def test_of_a_long_subject_the_beginning_is_kept_and_asked_about(
    enquiry: Made, activity: Made, decide_all: DecideAll
) -> None:
    lead, told = decide_all(
        enquiry(), activity(A.PAGE_VIEWED, subject="x" * SUBJECT_KEPT + "/pricing")
    )
    assert lead.activities[0].subject == "x" * SUBJECT_KEPT
    assert len(told) == 1


def test_what_a_bot_did_leaves_no_trace(
    enquiry: Made, activity: Made, decide_all: DecideAll
) -> None:
    done = activity(A.WEBINAR_ATTENDED, bot=True)
    alone, told_alone = decide_all(done)
    assert (alone, told_alone) == (Lead(), [])
    lead, told = decide_all(enquiry(), done)
    assert lead.activities == ()
    assert len(told) == 1


@pytest.mark.parametrize("again", [True, False])
def test_activities_are_asked_about_once_for_each_bundle(
    enquiry: Made,
    activity: Made,
    decide_all: DecideAll,
    bundle: Bundle,
    changed_bundle: Callable[[str, str, str], Bundle],
    now: datetime,
    again: bool,  # noqa: FBT001 - the case
) -> None:
    lead, _ = decide_all(enquiry(), activity(A.CONTENT_DOWNLOADED, now - DAY))
    assert lead.activities[0].counts == ()
    kinder = changed_bundle("scoring.yaml", "equals: trial_started", "equals: content_downloaded")
    under = kinder if again else bundle
    decision = decide(lead, None, activity(A.OTHER), under, now)
    assert decision.state is not None
    assert decision.state.counted_under == under.hash
    assert decision.state.activities[0].counts == (("trial",) if again else ())
    assert len(decision.events) == (1 if again else 0)


def test_a_state_read_back_from_its_json_is_the_same(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll
) -> None:
    lead, _ = decide_all(enquiry(), activity(A.WEBINAR_ATTENDED), followup(F.REJECTED))
    assert Lead.model_validate_json(lead.model_dump_json()) == lead
