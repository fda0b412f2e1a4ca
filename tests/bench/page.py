"""`docs/performance.md`: its prose is written by hand, its figures are those of the file beside it.

The file has all that was measured, each scenario as it was measured last.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from baton.contracts import markdown
from tests.bench import report
from tests.bench.figures import Aim, Measured, Run, Unit
from tests.bench.setting import FULL

PAGE, KEPT = Path("docs/performance.md"), Path("docs/performance.json")
"""Below the project's root."""

_MADE_BY = "make bench"
_COSTS = (Unit.MS_CPU, Unit.BYTES, Unit.MEGABYTES)
_PARTS: Mapping[str, tuple[str, Sequence[Unit]]] = {
    "calibration": ("calibration", tuple(Unit)),
    "latency": ("latency", (Unit.MS, Unit.PERCENT)),
    "costs": ("latency", _COSTS),
    "throughput": ("throughput", tuple(Unit)),
    "ingest": ("ingest", tuple(Unit)),
    "catch-up": ("catch-up", tuple(Unit)),
    "timers": ("timers", tuple(Unit)),
    "growth": ("growth", tuple(Unit)),
    "resources": ("resources", tuple(Unit)),
    "import": ("import", tuple(Unit)),
}
"""The tables of the page, each of a scenario's figures, or of those with some units."""


def filled(page: str, run: Run, aims: Mapping[str, Aim]) -> str:
    """The page with what was found; what was not measured stays. Raises ValueError for no mark."""
    by_name = {measured.scenario: measured for measured in run.scenarios}
    parts = {
        part: _table(by_name[scenario], aims, units)
        for part, (scenario, units) in _PARTS.items()
        if scenario in by_name
    }
    return markdown.fill(page, {"aims": _aims(run, aims), **parts}, by=_MADE_BY)


def publish(root: Path, measured: Sequence[Measured], aims: Mapping[str, Aim]) -> None:
    """Bring the file and the page up to what was measured now; the rest stays."""
    kept = root / KEPT
    before = Run.model_validate_json(kept.read_bytes()) if kept.exists() else Run(scenarios=())
    run = before.with_newer(measured)
    kept.write_text(run.model_dump_json(indent=1) + "\n", "utf-8")
    page = root / PAGE
    page.write_text(filled(page.read_text("utf-8"), run, aims), "utf-8")


def _table(measured: Measured, aims: Mapping[str, Aim], units: Sequence[Unit]) -> str:
    heads, *lines = report.rows(measured, aims, units)
    repetitions = max(len(spread.values) for spread in measured.spreads)
    times = "once" if repetitions == 1 else f"{repetitions} times"
    # A file of an earlier release has not all of the sizes that there are now.
    same = measured.sizes.items() <= FULL.by_name().items()
    sizes = "" if same else ", with other sizes than this page says"
    caption = (
        f"Measured {times}, on {measured.began_at:%-d %B %Y}{sizes}; the machine's load was "
        f"{measured.load_before:.1f} before and {measured.load_after:.1f} at the end."
    )
    return f"{caption}\n\n{markdown.table(heads, lines)}"


def _aims(run: Run, aims: Mapping[str, Aim]) -> str:
    machines = {tuple(measured.machine.items()) for measured in run.scenarios}
    said = "; ".join(
        ", ".join(f"{name}: {text}" for name, text in machine) for machine in sorted(machines)
    )
    lines = [row for measured in run.scenarios for row in report.verdicts(measured, aims)]
    return f"{said}.\n\n{markdown.table(('what', 'found', 'unit', 'aim', ''), lines)}"
