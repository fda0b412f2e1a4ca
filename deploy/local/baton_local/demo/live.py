"""The view while leads flow: how things stand, in one picture that fits the terminal."""

from collections import Counter
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from baton_local.demo.board import Promise
from baton_local.demo.news import News, Sort, in_plain
from baton_local.demo.scene import Scene
from baton_local.demo.watching import Rep

SMALLEST = 76, 22
"""Columns and rows; in less, lines are better than a picture."""

_WIDE = 100
_ROWS_BESIDE_REPS = 14
"""All rows above the news, but for those of the reps or grades."""

_LOOKS = {
    Sort.ASSIGNED: ("●", "magenta"),
    Sort.PASSED_ON: ("●", "bold magenta"),
    Sort.NOBODY: ("○", "dim"),
    Sort.DECLINED: ("○", "yellow"),
    Sort.WARNED: ("◑", "yellow"),
    Sort.MET: ("✔", "green"),
    Sort.BROKEN: ("✘", "bold red"),
}
_GRADES = {"A": "green", "B": "cyan", "C": "yellow", "D": "red"}


def picture(scene: Scene, width: int, height: int) -> RenderableType:
    """At most `height` rows of `width` columns."""
    body = Table.grid(padding=(0, 2, 0, 0), expand=True)
    body.add_column(ratio=2)
    body.add_column(ratio=3)
    body.add_row(_leads(scene), _promises(scene))
    body.add_row(Text(), Text())
    body.add_row(_grades(scene), _desks(scene, wide=width >= _WIDE))
    above = _ROWS_BESIDE_REPS + max(len(_GRADES), len(scene.reps))
    latest = list(scene.news.latest)[-max(1, height - above) :]
    return Group(_title(scene), Text(), body, Text(), _lines(scene), Text(), _news(latest))


def percentiles(seconds: list[float]) -> str:
    """Of sorted times, in words; nothing if there are none."""
    if not seconds:
        return ""
    half, most = (seconds[int(share * (len(seconds) - 1))] * 1000 for share in (0.5, 0.95))
    return f"p50 {half:.0f} ms, p95 {most:.0f} ms"


def codes(counts: Counter[str]) -> str:
    """Reasons with their counts, the commonest first."""
    return " · ".join(f"{in_plain(code)} {count}" for code, count in counts.most_common())


def _title(scene: Scene) -> RenderableType:
    ledger = scene.ledger
    row = _block(Column(ratio=1), Column(width=14), Column())
    row.add_row(
        Text.assemble(("Baton", "bold"), ("  a lead finds its rep", "dim")),
        _bar(ledger.deliveries, ledger.planned, "cyan"),
        f"{ledger.deliveries} of {ledger.planned} deliveries, {scene.seconds:2.0f} s",
    )
    return row


def _leads(scene: Scene) -> Table:
    board = scene.board
    total = len(set(board.captured.values()))
    rows = (
        ("captured", total, "cyan"),
        ("scored", len(board.scored), "blue"),
        ("with a rep", board.owned, "magenta"),
        ("without", board.unowned.total(), "yellow"),
    )
    return _bars("LEADS", rows, total)


def _grades(scene: Scene) -> Table:
    grades = Counter(lead.score.grade for lead in scene.board.scored.values())
    rows = ((f"grade {grade}", grades[grade], style) for grade, style in _GRADES.items())
    return _bars("SCORES", rows, max(grades.values(), default=0))


def _bars(title: str, rows: Iterable[tuple[str, int, str]], total: int) -> Table:
    table = _block(Column(min_width=10), Column(justify="right", min_width=4), Column(ratio=1))
    table.add_row(_heading(title), "", "")
    for name, count, style in rows:
        table.add_row(name, Text(str(count), f"bold {style}"), _bar(count, total, style))
    return table


def _promises(scene: Scene) -> Table:
    board = scene.board
    table = _block(
        Column(min_width=8), Column(justify="right", min_width=4), Column(ratio=1, style="dim")
    )
    allowed, dropped = board.allowed_seconds, board.count(Promise.DROPPED)
    table.add_row(_heading("PROMISES"), "", f"an answer within {allowed} s" if allowed else "")
    for promise, style, note in (
        (Promise.RUNNING, "bold", ""),
        (Promise.WARNED, "bold yellow", f"now, {board.warned} in all"),
        (Promise.MET, "bold green", f"{dropped} ended early: declined" if dropped else ""),
        (Promise.BROKEN, "bold red", f"{board.reassigned} went to another rep"),
    ):
        count = board.count(promise)
        table.add_row(
            promise.value, Text(str(count), style), note if count or note[:1] > "0" else ""
        )
    return table


def _desks(scene: Scene, *, wide: bool) -> Table:
    """The open and the assigned leads of each rep, by pool."""
    pools = list(dict.fromkeys(membership.pool for rep in scene.reps for membership in rep.pools))
    assigned = scene.board.assigned_counts()
    table = _block(
        Column(ratio=1),
        Column(justify="right", min_width=4),
        *([Column(ratio=1)] * wide),
        *(Column(justify="right", min_width=6) for _ in pools),
    )
    names = ("open", *(["of capacity"] * wide), *pools)
    table.add_row(_heading("REPS"), *(Text(name, "dim") for name in names))
    for rep in scene.reps:
        load = _bar(rep.open_leads, rep.capacity, "magenta")
        had = (_had(rep, pool, assigned[pool, rep.id]) for pool in pools)
        table.add_row(rep.name, Text(str(rep.open_leads), "bold"), *([load] * wide), *had)
    return table


def _had(rep: Rep, pool: str, count: int) -> Text:
    member = any(membership.pool == pool for membership in rep.pools)
    return Text(str(count), "magenta") if member else Text("·", "dim")


def _lines(scene: Scene) -> Table:
    board = scene.board
    stages = Counter(lead.stage.value for lead in board.scored.values())
    table = _block(Column(style="dim"), Column(ratio=1))
    table.add_row("stages", " · ".join(f"{stage} {count}" for stage, count in stages.most_common()))
    table.add_row("without a rep", codes(board.unowned))
    table.add_row("HTTP to rep", percentiles(board.seconds_to_owner(scene.ledger.sent_at)))
    return table


def _news(latest: Iterable[News]) -> Table:
    table = _block(Column(style="dim", justify="right"), Column(), Column(ratio=1))
    for news in latest:
        sign, style = _LOOKS[news.sort]
        table.add_row(f"{news.at:.1f} s", Text(sign, style), Text(news.says, style))
    return table


def _block(*columns: Column) -> Table:
    """A table whose rows are one line each, whatever the width."""
    for column in columns:
        column.no_wrap = True
    return Table.grid(*columns, padding=(0, 1, 0, 0), expand=True)


def _heading(text: str) -> Text:
    return Text(text, "bold")


def _bar(count: int, total: int, style: str) -> ProgressBar:
    return ProgressBar(
        total=max(total, 1), completed=count, complete_style=style, finished_style=style
    )
