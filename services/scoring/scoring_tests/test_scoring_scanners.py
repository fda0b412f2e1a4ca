"""Clicks of mail scanners count for nothing, whichever of the facts that show it came first."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.events import ActivityType, LeadScored
from baton.policy.bundle import Bundle
from baton.runtime.inputs import EventInput
from scoring.domain import Lead, decide
from scoring.domain.scanners import AFTER_DELIVERY, LINKS_AT_ONCE
from scoring.domain.state import ACTIVITIES_KEPT

CLICKED, DELIVERED = ActivityType.MAIL_CLICKED, ActivityType.MAIL_DELIVERED
A_SECOND = timedelta(seconds=1)

Made = Callable[..., EventInput]
DecideAll = Callable[..., tuple[Lead, list[LeadScored]]]


@pytest.fixture(scope="session")
def watchful(changed_bundle: Callable[[str, str, str], Bundle]) -> Bundle:
    """A bundle that gives 4 points for a click, unless a scanner did it."""
    return changed_bundle(
        "scoring.yaml",
        "grades:",
        """\
  - id: clicked
    label: Clicked in a mail
    when: {field: activity.type, equals: mail_clicked}
    points: 4
scanners: {links_within: 1s, after_delivery: 5s}
grades:""",
    )


def marks(lead: Lead) -> list[str | None]:
    return [each.bot for each in lead.activities]


def test_several_links_within_a_second_are_a_scanners_and_their_points_go_again(
    enquiry: Made, activity: Made, decide_all: DecideAll, watchful: Bundle, now: datetime
) -> None:
    lead, told = decide_all(
        enquiry(),
        activity(CLICKED, now - A_SECOND, subject="/a"),
        activity(CLICKED, now, subject="/b"),
        under=watchful,
    )
    assert [event.score.engagement for event in told] == [0, 4, 0]
    assert marks(lead) == [LINKS_AT_ONCE, LINKS_AT_ONCE]


def test_one_link_that_is_clicked_twice_and_links_that_are_read_between_are_a_persons(
    enquiry: Made, activity: Made, decide_all: DecideAll, watchful: Bundle, now: datetime
) -> None:
    lead, told = decide_all(
        enquiry(),
        activity(CLICKED, now - 4 * A_SECOND, subject="/a"),
        activity(CLICKED, now - 4 * A_SECOND, subject="/a"),
        activity(CLICKED, now - 2 * A_SECOND, subject="/b"),
        under=watchful,
    )
    assert told[-1].score.engagement == 12
    assert marks(lead) == [None, None, None]


@pytest.mark.parametrize(
    ("after", "mark"),
    [
        (timedelta(0), AFTER_DELIVERY),
        (5 * A_SECOND, AFTER_DELIVERY),
        (5.001 * A_SECOND, None),
        (-1 * A_SECOND, None),
    ],
)
@pytest.mark.parametrize("click_first", [True, False])
def test_a_click_within_seconds_of_the_delivery_is_a_scanners_whichever_is_told_first(
    after: timedelta,
    mark: str | None,
    click_first: bool,  # noqa: FBT001 - a parameter of the test
    enquiry: Made,
    activity: Made,
    decide_all: DecideAll,
    watchful: Bundle,
    now: datetime,
) -> None:
    sent = now - timedelta(minutes=1)
    facts = [activity(DELIVERED, sent), activity(CLICKED, sent + after, subject="/a")]
    lead, told = decide_all(enquiry(), *(facts[::-1] if click_first else facts), under=watchful)
    (click,) = (each for each in lead.activities if each.type is CLICKED)
    assert click.bot == mark
    assert told[-1].score.engagement == (0 if mark else 4)


def test_a_click_that_intake_has_marked_tells_of_those_beside_it(
    enquiry: Made, activity: Made, decide_all: DecideAll, watchful: Bundle, now: datetime
) -> None:
    lead, told = decide_all(
        enquiry(),
        activity(CLICKED, now - A_SECOND, subject="/a"),
        activity(CLICKED, now, subject="/hidden", bot=True),
        under=watchful,
    )
    assert marks(lead) == [LINKS_AT_ONCE, "declared"]
    assert told[-1].score.engagement == 0


def test_a_bots_clicks_push_no_persons_out(
    enquiry: Made, activity: Made, decide_all: DecideAll, watchful: Bundle, now: datetime
) -> None:
    bots = [
        activity(CLICKED, now - n * timedelta(minutes=1), subject="/hidden", bot=True)
        for n in range(ACTIVITIES_KEPT + 10)
    ]
    lead, told = decide_all(
        enquiry(), activity(CLICKED, now - timedelta(days=2)), *bots, under=watchful
    )
    assert marks(lead).count(None) == 1
    assert len(lead.activities) == ACTIVITIES_KEPT + 1
    assert told[-1].score.engagement == 4


def test_a_bundle_that_says_nothing_of_scanners_takes_every_click_for_a_persons(
    enquiry: Made,
    activity: Made,
    decide_all: DecideAll,
    changed_bundle: Callable[[str, str, str], Bundle],
    now: datetime,
) -> None:
    trusting = changed_bundle(
        "scoring.yaml",
        "grades:",
        "  - id: clicked\n    label: Clicked\n    points: 4\n"
        "    when: {field: activity.type, equals: mail_clicked}\ngrades:",
    )
    clicks = [activity(CLICKED, now, subject=link) for link in ("/a", "/b")]
    _, told = decide_all(enquiry(), *clicks, under=trusting)
    assert told[-1].score.engagement == 8


def test_a_changed_bundle_looks_at_all_clicks_anew(
    enquiry: Made,
    activity: Made,
    decide_all: DecideAll,
    bundle: Bundle,
    watchful: Bundle,
    now: datetime,
) -> None:
    clicks = [activity(CLICKED, now, subject=link) for link in ("/a", "/b")]
    before, _ = decide_all(*clicks, enquiry(), under=bundle)
    assert marks(before) == [None, None]
    seen = decide(before, None, activity(DELIVERED, now - timedelta(days=1)), watchful, now)
    assert seen.state is not None
    assert marks(seen.state) == [None, LINKS_AT_ONCE, LINKS_AT_ONCE]


FACTS = st.lists(
    st.tuples(
        st.sampled_from([CLICKED, CLICKED, DELIVERED]),
        st.integers(0, 12),
        st.sampled_from(["/a", "/b", None]),
        st.booleans(),
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(facts=FACTS, data=st.data())
def test_the_same_clicks_are_a_scanners_in_whatever_order_they_are_told(
    facts: list[tuple[ActivityType, int, str | None, bool]],
    data: st.DataObject,
    enquiry: Made,
    activity: Made,
    decide_all: DecideAll,
    watchful: Bundle,
    now: datetime,
) -> None:
    start = now - timedelta(hours=1)
    told = [
        activity(type_, start + seconds * A_SECOND, subject=subject, bot=bot)
        for type_, seconds, subject, bot in facts
    ]
    first = enquiry(start)
    one, _ = decide_all(first, *told, under=watchful)
    shuffled = data.draw(st.permutations([first, *told]))
    other, _ = decide_all(*shuffled, *shuffled, under=watchful)
    assert one.activities == other.activities
