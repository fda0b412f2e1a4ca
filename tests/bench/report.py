"""Figures as a table."""

from collections.abc import Mapping

from rich.table import Table

from bench.figures import Aim, Measured, Spread

_WHOLE_FROM = 100


def table(measured: Measured, aims: Mapping[str, Aim]) -> Table:
    """Of one scenario; `aims` by what is measured."""
    load = f"load {measured.load_before:.1f} to {measured.load_after:.1f}"
    made = Table(title=f"{measured.scenario} ({load})", title_justify="left", title_style="bold")
    made.add_column("what")
    for name in ("median", "min", "max", "aim"):
        made.add_column(name, justify="right")
    made.add_column("")
    for spread in measured.spreads:
        aim = aims.get(spread.what)
        made.add_row(spread.what, *_row(spread), "" if aim is None else str(aim), spread.unit)
    return made


def _row(spread: Spread) -> tuple[str, str, str]:
    return (text(spread.median), text(min(spread.values)), text(max(spread.values)))


def text(value: float) -> str:
    """Three digits that say something, as a person would write them."""
    if abs(value) >= _WHOLE_FROM:
        return f"{value:,.0f}"
    return f"{value:.3g}"
