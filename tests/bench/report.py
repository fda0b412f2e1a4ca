"""Figures as a table."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from rich.table import Table

from tests.bench.figures import Aim, Measured, Spread, Unit

HEADS = ("what", "median", "from", "to", "unit", "floor", "x floor", "aim", "")
_OPTIONAL = 5
"""From this column on, one that would be empty is left out."""
_WHOLE_FROM = 100


def table(measured: Measured, aims: Mapping[str, Aim]) -> Table:
    """Of one scenario, for a terminal."""
    load = f"load {measured.load_before:.1f} to {measured.load_after:.1f}"
    made = Table(title=f"{measured.scenario} ({load})", title_justify="left", title_style="bold")
    heads, *lines = rows(measured, aims)
    for head in heads:
        made.add_column(head, justify="left" if head in {"what", "unit", ""} else "right")
    for line in lines:
        made.add_row(*line)
    return made


def rows(
    measured: Measured, aims: Mapping[str, Aim], units: Collection[Unit] = frozenset(Unit)
) -> Sequence[Sequence[str]]:
    """The heads, then a row for each figure of these units; `aims` by what is measured."""
    medians = {spread.what: spread.median for spread in measured.spreads}
    lines = [
        _row(spread, medians, aims.get(spread.what))
        for spread in measured.spreads
        if spread.unit in units
    ]
    used = [
        number
        for number in range(len(HEADS))
        if number < _OPTIONAL or any(line[number] for line in lines)
    ]
    return [[line[number] for number in used] for line in (HEADS, *lines)]


def verdicts(measured: Measured, aims: Mapping[str, Aim]) -> Iterator[Sequence[str]]:
    """For each aim of a scenario: its figure, what was found, the unit, the aim, how it went."""
    medians = {spread.what: spread.median for spread in measured.spreads}
    for spread in measured.spreads:
        if (aim := aims.get(spread.what)) is not None:
            what, found, *_, unit, _, times, said, verdict = _row(spread, medians, aim)
            if aim.counts_floors:
                found, unit = times, "times its floor"
            yield what, found, unit, said, verdict


def _row(spread: Spread, medians: Mapping[str, float], aim: Aim | None) -> Sequence[str]:
    floor = None if spread.floor is None else medians[spread.floor]
    times = spread.median / floor if floor else None
    return (
        spread.what,
        text(spread.median),
        text(min(spread.values)),
        text(max(spread.values)),
        spread.unit,
        "" if floor is None else text(floor),
        "" if times is None else text(times),
        "" if aim is None else str(aim),
        "" if aim is None else _verdict(aim.missed_by(spread.median, times)),
    )


def _verdict(missed_by: float) -> str:
    return f"missed by {text(missed_by)}" if missed_by > 0 else "met"


def text(value: float) -> str:
    """Three digits that say something, as a person would write them."""
    if abs(value) >= _WHOLE_FROM:
        return f"{value:,.0f}"
    return f"{value:.3g}"
