"""A lead's story, from answers that the services gave: two breaches, a rejection, a second try.

The files in `story/` are what scoring, routing and sla-monitor answered of one lead.
"""

import io
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from rich.console import Console

from baton.events import Reason
from baton_cli.explain.drawing import drawn
from baton_cli.explain.joining import Known, story
from baton_cli.explain.reasons import criteria
from baton_cli.explain.story import Happening, Kind, Missing, Story
from baton_cli.explain.views import CLOCKS, ROUTED, SCORED, Choice, Clock, Clocks, Decision, Routed
from baton_cli_tests import picture as readme
from routing.records import HistoryRecord
from scoring.api import LeadView
from sla_monitor.api import ClocksView

ANSWERS = Path(__file__).parent / "story"
LEAD = UUID("719725ea-f335-89f2-95ce-225a38ab5b09")
NOW = datetime(2026, 11, 22, 14, 40, tzinfo=UTC)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def known() -> Known:
    """What each service answers, through its own model: so it is what this release would answer."""
    scored = LeadView.model_validate_json((ANSWERS / "scoring.json").read_text())
    routed = HistoryRecord.model_validate_json((ANSWERS / "routing.json").read_text())
    clocks = ClocksView.model_validate_json((ANSWERS / "sla-monitor.json").read_text())
    return Known(
        SCORED.validate_json(scored.model_dump_json()),
        ROUTED.validate_json(routed.model_dump_json()),
        CLOCKS.validate_json(clocks.model_dump_json()),
        missing=(),
    )


def told(known: Known, *, everything: bool = False) -> Story:
    return story(LEAD, known, NOW, everything=everything)


def details(happening: Happening) -> list[tuple[int | str, str, str | None]]:
    """Each detail: its points, or else its mark; what it says, and on what value."""
    return [
        (each.mark if each.points is None else each.points, each.says, each.on)
        for each in happening.details
    ]


def test_a_story_is_told_in_the_order_in_which_it_happened(known: Known) -> None:
    assert [each.says for each in told(known).happened] == [
        "Webinar attended: Routing in practice",
        "Enquiry from website, form demo",
        "Scored 100 points (fit 85, engagement 15): grade A, stage mql",
        "Given to rep-north-1 of team north, account-executive",
        "Promised: first response from rep-north-1 by 14:26:40, 6 s of calendar round-the-clock",
        "Warned: no first response from rep-north-1 yet",
        "Promise broken: no first response from rep-north-1 within 6 s",
        "Taken from rep-north-1, who did not answer in time",
        "Given to rep-south-1 of team south, account-executive (attempt 2)",
        "Promised: first response from rep-south-1 by 14:26:46, 6 s of calendar round-the-clock",
        "Sales: contacted",
        "Promise kept: rep-south-1 answered after 2 s of 6 s",
        "Sales: rejected, not-now",
        "Scored anew, still 100 points (fit 85, engagement 15): grade A, stage mql → nurture",
        "rep-south-1 rejected the lead (not-now)",
        "Trial started: Team plan",
        "Scored anew, 100 → 130 points (fit 85, engagement 45): grade A, stage nurture → mql",
        "Given to rep-south-1 of team south, account-executive (attempt 3)",
        "Promised: first response from rep-south-1 by 14:38:24, 6 s of calendar round-the-clock",
        "Warned: no first response from rep-south-1 yet",
        "Promise broken: no first response from rep-south-1 within 6 s",
        "Taken from rep-south-1, who did not answer in time",
        "Given to rep-north-1 of team north, account-executive (attempt 4)",
        "Promised: first response from rep-north-1 by 14:38:30, 6 s of calendar round-the-clock",
        "Warned: no first response from rep-north-1 yet",
        "Promise broken: no first response from rep-north-1 within 6 s",
        "rep-north-1 keeps the lead all the same: "
        "as many reps have had it as the pool allows for one enquiry",
    ]


def test_it_begins_with_who_it_is_and_how_it_stands(known: Known) -> None:
    found = told(known)
    assert found.person == ("Ina, Head of IT at Example Manufacturing (DE)", "it.head@example.com")
    assert found.now == (
        "stage mql, 130 points (fit 85, engagement 45), grade A",
        "rep-north-1 has it (attempt 4)",
        "first response: promise broken",
    )


def test_a_score_tells_each_criterion_that_matched_with_its_points_and_value(known: Known) -> None:
    first = next(each for each in told(known).happened if each.kind is Kind.SCORED)
    assert details(first) == [
        (
            "yes",
            "mql: Ready for sales",
            "score.total is 100, score.fit is 85, request.form_id is demo",
        ),
        (30, "A company of 1,000 people or more", "company.employees is 4000"),
        (15, "An industry that we know well", "company.industry is Manufacturing"),
        (10, "A country where we have reps", "contact.country is DE"),
        (20, "Decides or leads", "contact.job_title is Head of IT"),
        (10, "Writes from a company's address", "contact.email is it.head@example.com"),
        (15, "Attended a webinar", "1 activity"),
        ("no", "1 unanswered, no value in", "custom.budget"),
        ("no", "12 did not match", None),
    ]


def test_a_criterion_tells_the_values_that_were_answered_as_the_whole_was() -> None:
    (criterion,) = criteria(
        [
            Reason(code="stage.mql", label="Ready for sales", matched=True),
            Reason(code="stage.mql", label="", matched=False, field="score.total", value=35),
            Reason(code="stage.mql", label="", matched=True, field="score.fit", value=35),
            Reason(code="stage.mql", label="", matched=True, field="custom.vip", value=True),
        ]
    )
    assert criterion.on == "score.fit is 35, custom.vip is true"


def test_a_later_score_tells_what_differs(known: Known) -> None:
    last = [each for each in told(known).happened if each.kind is Kind.SCORED][-1]
    assert (30, "Started a trial", "1 activity") in details(last)
    assert [each.says for each in last.details if each.points] == ["Started a trial"]


def test_a_score_by_which_a_lead_only_qualified_again_says_since_when(known: Known) -> None:
    assert known.scored is not None
    change, *_ = known.scored.history
    earlier = change.model_copy(update={"qualified_at": change.at - timedelta(hours=2)})
    again = change.model_copy(update={"qualified_at": change.at - timedelta(seconds=10)})
    scored = known.scored.model_copy(update={"history": (again, earlier)})
    last = told(Known(scored, None, None, ())).happened[-1]
    assert details(last) == [("yes", "qualified again since 14:38:08", None)]


def test_everything_is_told_where_it_is_asked_for(known: Known) -> None:
    first = next(each for each in told(known, everything=True).happened if each.kind is Kind.SCORED)
    assert ("no", "A student or an intern", "contact.job_title is Head of IT") in details(first)
    assert ("no", "Unsubscribed", "0 activities") in details(first)


def test_an_assignment_tells_its_rule_and_why_each_other_rep_was_passed_over(known: Known) -> None:
    second = [each for each in told(known).happened if each.kind is Kind.ROUTED][1]
    assert details(second) == [
        ("yes", "rule enterprise: Large companies", "company.employees is 4000"),
        ("", "pool enterprise", None),
        ("yes", "rep-south-1: whose turn it is", "0 of 40 open leads"),
        ("no", "rep-north-1: passed over: had this lead before", "1 of 40 open leads"),
    ]


def test_without_scoring_the_rest_is_told_and_what_is_missing_is_said(known: Known) -> None:
    away = Missing(service="scoring", why="scoring can't be reached")
    found = told(Known(None, known.routed, known.clocks, (away,)))
    assert found.missing == (away,)
    assert found.now == ("rep-north-1 has it (attempt 4)", "first response: promise broken")
    assert {each.kind for each in found.happened}.isdisjoint({Kind.SCORED, Kind.ENQUIRY})
    assert "scoring is missing here: scoring can't be reached" in picture(found, 120)


def test_an_acceptance_is_told_once_also_where_only_routing_knows_of_it(known: Known) -> None:
    assert known.routed is not None
    first, *rest = known.routed.assignments
    accepted = first.model_copy(update={"accepted_at": NOW})
    routed = known.routed.model_copy(update={"assignments": (accepted, *rest)})
    alone = told(Known(None, routed, None, ())).happened
    assert [each.says for each in alone if each.kind is Kind.FOLLOWUP] == [
        "Sales: accepted by rep-north-1"
    ]
    together = told(Known(known.scored, routed, None, ())).happened
    assert "Sales: accepted by rep-north-1" not in [each.says for each in together]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("not_qualified", "Nobody gets the lead: its stage is not one that sales takes"),
        ("no_rule", "Nobody gets the lead: no rule takes it"),
        ("no-consent", "Nobody gets the lead: excluded by no-consent"),
        ("has_owner", "The new enquiry stays with rep-south-1, who has the lead"),
    ],
)
def test_a_decision_by_which_nobody_new_gets_the_lead_says_why(
    known: Known, code: str, says: str
) -> None:
    assert known.routed is not None
    decision = Decision(
        id=LEAD,
        at=NOW,
        code=code,
        policy="",
        assignment_id=known.routed.assignments[1].id,
        choice=None,
    )
    routed = known.routed.model_copy(update={"decisions": (decision,)})
    happened = told(Known(None, routed, None, ())).happened
    assert [each.says for each in happened if each.kind is Kind.UNROUTED] == [says]


def undecided(code: str, exclusion: str | None, *, owned: bool = False) -> Routed:
    """Routing's answer about a lead that a decision leaves with its rep, or with nobody."""
    label = Reason(code=exclusion or "rule", label="Students", matched=exclusion is not None)
    choice = Choice(
        code=exclusion or code, rule=None, reasons=(label,), pools=(), rep=None, exclusion=exclusion
    )
    decision = Decision(
        id=LEAD,
        at=NOW,
        code=code,
        policy="",
        assignment_id=LEAD if owned else None,
        choice=choice,
    )
    return Routed(current=None, assignments=(), decisions=(decision,))


@pytest.mark.parametrize(
    "code", ["no_rule", "test", "all_tried", "kept", "has_owner", "rejected", "closed", "returned"]
)
def test_an_exclusion_with_the_id_of_a_code_is_told_like_any_other(code: str) -> None:
    why = f"excluded by {code} (Students)"
    story_ = told(Known(None, undecided(code, code), None, ()))
    assert story_.now == (f"nobody has it: {why}",)
    assert [each.says for each in story_.happened] == [f"Nobody gets the lead: {why}"]


def test_a_rep_who_keeps_a_lead_that_an_exclusion_keeps_from_others_is_told_as_such() -> None:
    for exclusion in ("students", "test", "kept"):
        story_ = told(Known(None, undecided("kept", exclusion, owned=True), None, ()))
        assert [each.says for each in story_.happened] == ["Its rep keeps the lead all the same"]


def clock(known: Known, **changes: object) -> Known:
    """Only the first clock, with changes."""
    assert known.clocks is not None
    changed = Clock.model_validate(known.clocks.clocks[0].model_dump() | changes)
    return Known(
        None, Routed(current=None, assignments=(), decisions=()), Clocks(clocks=(changed,)), ()
    )


def test_a_clock_that_runs_says_when_it_is_due(known: Known) -> None:
    running = {"state": "running", "warned_at": None, "breached_at": None}
    later = clock(known, **running, due_at=NOW + timedelta(minutes=90))
    assert told(later).now[-1] == "first response: due in 1 h 30 min"
    past = clock(known, **running, due_at=NOW - timedelta(seconds=40))
    assert told(past).now[-1] == "first response: was due 40 s ago"


def test_a_breach_that_did_not_hold_is_told_as_taken_back(known: Known) -> None:
    found = told(
        clock(known, state="met", answered_at=datetime(2026, 11, 22, 14, 26, 38, tzinfo=UTC))
    )
    broken = next(each for each in found.happened if each.kind is Kind.PROMISE_BROKEN)
    assert "taken back later" in broken.details[0].says
    assert found.now[-1] == "first response: promise kept"


def test_an_answer_after_a_breach_is_told_with_how_late_it_was(known: Known) -> None:
    due = datetime(2026, 11, 22, 14, 26, 40, 453091, tzinfo=UTC)
    found = told(clock(known, answered_at=due + timedelta(hours=26, minutes=5)))
    assert found.happened[-1].says == "rep-north-1 answered, 1 d 2 h after it was due"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_picture_keeps_within_the_terminal_and_leaves_nothing_out(
    known: Known, width: int
) -> None:
    found = told(known)
    drawing = picture(found, width)
    assert max(map(len, drawing.splitlines())) <= width
    words = " ".join(drawing.split())
    for each in found.happened:
        assert " ".join(each.says.split()[:5]) in words
    assert "Sunday, 22 November 2026 (UTC)" in drawing


def picture(found: Story, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(drawn(found))
    return capture.get()


def test_a_promise_that_a_new_enquiry_moves_is_told_with_both_due_times(known: Known) -> None:
    started = datetime(2026, 11, 22, 14, 26, 34, tzinfo=UTC)
    found = told(
        clock(
            known,
            started_at=started,
            due_before=started + timedelta(hours=4),
            moved_at=started + timedelta(hours=1),
            due_at=started + timedelta(hours=2),
            warned_at=None,
            answered_at=None,
            breached_at=started + timedelta(hours=2, seconds=1),
        )
    )
    says = [each.says for each in found.happened]
    assert re.match(r"Promised: first response from rep-north-1 by \S*18:26", says[0])
    assert re.match(
        r"A new enquiry is due sooner: first response from rep-north-1 by \S*16:26", says[1]
    )
    assert re.match(r"Promise broken: no first response from rep-north-1 by \S*16:26", says[2])


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (None, "rep-north-1 had the lead no more before it was due"),
        ("released", "rep-north-1 had the lead no more before it was due"),
        ("breach_retracted", "rep-north-1 had the lead because of a breach that was wrong"),
        ("covered", "an earlier promise of rep-north-1 serves this enquiry too"),
    ],
)
def test_a_promise_that_nobody_is_judged_by_says_why(
    known: Known, code: str | None, says: str
) -> None:
    found = told(clock(known, state="retracted", breached_at=None, retracted_code=code))
    assert found.happened[-1].says == f"Nobody is judged: {says}"


def test_the_readme_shows_what_explain_prints() -> None:
    assert readme.PICTURE.read_text("utf-8") == readme.picture()
