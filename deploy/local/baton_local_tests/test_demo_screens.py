"""What is shown fits where it is shown."""

import io

import pytest
from rich.console import Console

from baton.events import ReleaseCode
from baton_local.demo import live
from baton_local.demo.__main__ import GO_ON
from baton_local.demo.scene import Scene
from baton_local.demo.screens import Lines, Picture, screen_for
from baton_local.demo.summary import summary
from baton_local.demo.watching import Membership, Rep
from baton_local_tests.demo_lead import Lead

LONG = "Vice President of Something with a Name that is Longer than any Terminal is Wide " * 2


@pytest.fixture
def scene() -> Scene:
    """With a hundred leads, of which each has a broken promise, a decline and a kept one."""
    made = Scene.empty(planned=300)
    for number in range(100):
        lead = Lead(f"{LONG}{number}")
        events = [lead.captured(), lead.scored(), lead.unrouted("no_capacity", again=True)]
        events += [lead.routed(1), lead.promised(), lead.warned(), lead.broken()]
        events += [lead.released(ReleaseCode.BREACHED), lead.routed(2), lead.promised()]
        events += [lead.released(ReleaseCode.DECLINED), lead.dropped()]
        events += [lead.routed(3), lead.promised(), lead.kept()]
        for event in events:
            made.hear(event, at=made.begun + 2 * number)
        made.ledger.enquiries[events[0].id] = lead.id
        made.ledger.sent_at[events[0].id] = made.begun
    made.reps = tuple(
        Rep(
            id=f"rep-{number}",
            name=f"Rep {number}",
            pools=(Membership(pool="north", weight=1, capacity=8),),
            open_leads=number,
        )
        for number in range(1, 4)
    )
    return made


def drawn(scene: Scene, width: int, height: int, **options: bool) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, **options)  # type: ignore[arg-type]  # a few of many
    console.print(live.picture(scene, width, height))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue().splitlines()


@pytest.mark.parametrize(("width", "height"), [live.SMALLEST, (80, 24), (120, 40), (220, 60)])
def test_the_picture_fills_the_terminal_and_not_a_row_more(
    scene: Scene, width: int, height: int
) -> None:
    rows = drawn(scene, width, height)
    assert len(rows) == height
    assert max(map(len, rows)) <= width


def test_the_picture_of_nothing_yet_can_be_drawn() -> None:
    assert any("0 of 300 deliveries" in row for row in drawn(Scene.empty(300), 80, 24))


def test_the_latest_news_is_in_the_picture(scene: Scene) -> None:
    *_, last = drawn(scene, 80, 24)
    assert scene.news.latest[-1].says.startswith("Rep 3 answered Vice President")
    assert "✔ Rep 3 answered Vice President" in last


def test_without_a_terminal_there_are_lines_and_no_cursor_is_moved(scene: Scene) -> None:
    file = io.StringIO()
    screen = screen_for(Console(file=file))
    assert isinstance(screen, Lines)
    with screen:
        screen.show(scene)
    text = file.getvalue()
    assert "\x1b" not in text
    assert "100 broken" in text
    assert "Rep 1 did not answer" in text


@pytest.mark.parametrize(
    ("width", "height", "term", "kind"),
    [
        (80, 24, "xterm", Picture),
        (75, 24, "xterm", Lines),
        (80, 21, "xterm", Lines),
        (80, 24, "dumb", Lines),
    ],
)
def test_a_picture_is_drawn_where_there_is_room_for_one(
    width: int, height: int, term: str, kind: type
) -> None:
    environment = {"TERM": term}
    console = Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, _environ=environment
    )
    assert isinstance(screen_for(console), kind)


def test_the_terminal_is_given_back_whatever_happens(scene: Scene) -> None:
    file = io.StringIO()
    console = Console(
        file=file, width=80, height=24, force_terminal=True, _environ={"TERM": "xterm"}
    )

    def interrupted() -> None:
        with screen_for(console) as screen:
            screen.show(scene)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    entered, left = "\x1b[?1049h", "\x1b[?1049l"
    assert file.getvalue().startswith(entered)
    assert left in file.getvalue()


def test_the_summary_fits_eighty_columns_and_says_whether_it_adds_up(scene: Scene) -> None:
    file = io.StringIO()
    console = Console(file=file, width=80)
    console.print(summary(scene))
    console.print(GO_ON)
    text = file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "It adds up" in text
    scene.hear(Lead().routed(), at=0.0)
    console.print(summary(scene))
    assert "leads that were never sent: 1" in file.getvalue()


def test_what_to_do_next_needs_no_wrapping_at_eighty_columns() -> None:
    console = Console(width=80)
    assert all(console.render_str(line).cell_len <= 80 for line in GO_ON.splitlines())
