"""A story on a terminal: a column of times, a line down the side, reasons beneath."""

from collections.abc import Iterator
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from baton_cli.explain.story import Detail, Happening, Kind, Mark, Story

_LOOKS = {
    Kind.ENQUIRY: ("●", "bold cyan"),
    Kind.IN_QUARANTINE: ("◌", "bold yellow"),
    Kind.LET_GO: ("○", "yellow"),
    Kind.ACTIVITY: ("●", "cyan"),
    Kind.FOLLOWUP: ("●", "blue"),
    Kind.SCORED: ("●", "bold"),
    Kind.PROMISE_KEPT: ("✔", "bold green"),
    Kind.PROMISE_BROKEN: ("✘", "bold red"),
    Kind.PROMISE_DROPPED: ("○", "dim"),
    Kind.RELEASED: ("○", "yellow"),
    Kind.ROUTED: ("●", "bold magenta"),
    Kind.UNROUTED: ("○", "magenta"),
    Kind.PROMISED: ("◔", "bold"),
    Kind.WARNED: ("◑", "yellow"),
}


def drawn(story: Story) -> RenderableType:
    """Print the person, the present state of the lead, and its history by days."""
    head = Text.assemble((story.person[0] if story.person else "A lead", "bold"))
    for line in story.person[1:]:
        head.append(f"\n{line}")
    head.append(f"\nlead {story.lead_id}", "dim")
    for number, line in enumerate(story.now):
        head.append("\n     " if number else "\nNow  ", "bold").append(line)
    days = groupby(story.happened, key=lambda happening: happening.at.astimezone().date())
    parts: list[RenderableType] = [head]
    for _, happened in days:
        parts += _day(list(happened))
    parts += [
        Text.assemble("\n", (f"{missing.service} is missing here: ", "bold yellow"), missing.why)
        for missing in story.missing
    ]
    return Group(*parts)


def _day(happened: list[Happening]) -> Iterator[RenderableType]:
    first = happened[0].at.astimezone()
    yield Text(f"\n{first:%A, %d %B %Y} ({first:%Z})", "bold")
    for happening in happened:
        sign, style = _LOOKS[happening.kind]
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=8, no_wrap=True)
        line.add_column(width=1)
        line.add_column()
        time = Text(f"{happening.at.astimezone():%H:%M:%S}", "dim")
        line.add_row(time, Text(sign, style), Text(happening.says, style))
        yield line
        if happening.details:
            yield Padding(_details(happening.details), (0, 0, 0, 12))


def _details(details: tuple[Detail, ...]) -> Table:
    shown = Table.grid(padding=(0, 2, 0, 0))
    shown.add_column(justify="right", no_wrap=True, min_width=3)
    shown.add_column(ratio=3)
    shown.add_column(ratio=2, style="dim")
    for detail in details:
        shown.add_row(_mark(detail), _says(detail), detail.on or "")
    return shown


def _mark(detail: Detail) -> Text:
    if detail.points is not None:
        return Text(f"{detail.points:+d}", "green" if detail.points >= 0 else "red")
    marks = {Mark.YES: Text("✓", "green"), Mark.NO: Text("-", "dim"), Mark.NONE: Text("")}
    return marks[detail.mark]


def _says(detail: Detail) -> Text:
    return Text(detail.says, "dim" if detail.mark is Mark.NO else "")
