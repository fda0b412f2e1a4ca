"""Measures Baton on servers of its own and prints what was found, scenario by scenario."""

import argparse
import asyncio
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
import uvloop
from rich.console import Console

from baton_local.paths import ROOT
from baton_local.stack import Stack
from tests.bench import (
    calibration,
    catching_up,
    due_timers,
    growing,
    importing,
    latency,
    page,
    report,
    standing,
    taking_in,
    throughput,
)
from tests.bench.deployment import servers
from tests.bench.figures import Aim, Figure, Measured, NothingFoundError, Run, spreads
from tests.bench.setting import FULL, QUICK, Scenario, Setting

CALIBRATION = "calibration"
SCENARIOS: Mapping[str, Scenario] = {
    CALIBRATION: calibration.scenario,
    "latency": latency.scenario,
    "throughput": throughput.scenario,
    "ingest": taking_in.scenario,
    "catch-up": catching_up.scenario,
    "timers": due_timers.scenario,
    "growth": growing.scenario,
    "resources": standing.scenario,
    "import": importing.scenario,
}
_IF_ASKED_FOR = ("import",)
"""It takes as long as all the others."""
AIMS: Mapping[str, Aim] = {
    **latency.AIMS,
    **throughput.AIMS,
    **taking_in.AIMS,
    **catching_up.AIMS,
    **due_timers.AIMS,
    **growing.AIMS,
    **importing.AIMS,
}
_WIDTH = 130


def main() -> None:
    given = _arguments()
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    measured: list[Measured] = []
    failed: list[str] = []
    with servers() as stack:
        setting = _setting(given, stack, console)
        for name in wanted_scenarios(given.only):
            try:
                measured.append(_measure(name, given.repeat, setting, console))
            except NothingFoundError as error:
                failed.append(f"{name}: {error}")
                console.print(failed[-1])
                continue
            console.print(report.table(measured[-1], AIMS))
            _keep(given, measured)
    if failed:
        sys.exit("not measured:\n" + "\n".join(failed))


def wanted_scenarios(only: Sequence[str] | None) -> Sequence[str]:
    """The scenarios to measure: beside each figure stands what the machine could do then."""
    if only:
        return [CALIBRATION, *(name for name in only if name != CALIBRATION)]
    return [name for name in SCENARIOS if name not in _IF_ASKED_FOR]


def _keep(given: argparse.Namespace, measured: Sequence[Measured]) -> None:
    """After each scenario, so that an error in a later one takes nothing away."""
    if given.json is not None:
        given.json.write_text(Run(scenarios=tuple(measured)).model_dump_json(indent=1))
    if given.publish:
        page.publish(ROOT, measured, AIMS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='make bench ARGS="..."',
        description=__doc__,
        epilog="Settings of the environment go along to the services: "
        "BATON_BATCH_EVENTS=1000 make bench says what that one gives.",
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=SCENARIOS,
        help="this scenario, after the calibration; given more than once, these in their order",
    )
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="each scenario N times")
    parser.add_argument(
        "--publish",
        action="store_true",
        help=f"write what is found into {page.PAGE} and {page.KEPT}",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--backlog", type=int, metavar="N", help="leads that wait when a consumer starts"
    )
    parser.add_argument(
        "--leads",
        type=int,
        metavar="N",
        help="leads in the tables, for growth; the million of the default takes 15 GB of disk",
    )
    parser.add_argument("--timers", type=int, metavar="N", help="timers that are due, for timers")
    parser.add_argument("--rows", type=int, metavar="N", help="rows of the list, for import")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it works")
    parser.add_argument(
        "--profile",
        type=Path,
        metavar="DIR",
        help="run each service under cProfile, which doubles what it takes, and keep what that "
        "found in DIR: python -m pstats DIR/FILE",
    )
    return parser.parse_args()


def _setting(given: argparse.Namespace, stack: Stack, console: Console) -> Setting:
    profiles = None
    if given.profile is not None:
        profiles = given.profile.resolve()
        profiles.mkdir(parents=True, exist_ok=True)
    sizes = QUICK if given.quick else FULL
    if given.backlog is not None:
        sizes = replace(sizes, backlog=given.backlog)
    if given.leads is not None:
        sizes = replace(sizes, many=given.leads)
    if given.timers is not None:
        sizes = replace(sizes, timers=given.timers)
    if given.rows is not None:
        sizes = replace(sizes, rows=given.rows)
    return Setting(stack=stack, sizes=sizes, say=console.print, profiles=profiles)


def _measure(name: str, repeat: int, setting: Setting, console: Console) -> Measured:
    began_at, begin, load_before = datetime.now(UTC), time.monotonic(), os.getloadavg()[0]
    found: list[Figure] = []

    async def repetition() -> None:
        async for figure in SCENARIOS[name](setting):
            found.append(figure)
            console.print(f"  {figure.what}: {report.text(figure.value)} {figure.unit}")

    for number in range(repeat):
        console.print(f"{name}, {number + 1} of {repeat}", style="bold")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(repetition())
    return Measured(
        scenario=name,
        began_at=began_at,
        seconds=round(time.monotonic() - begin, 1),
        load_before=load_before,
        load_after=os.getloadavg()[0],
        machine=_machine(),
        sizes=setting.sizes.by_name(),
        spreads=tuple(spreads(found)),
    )


def _machine() -> Mapping[str, str]:
    models = {
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        if line.startswith("model name")
    }
    return {
        "cores": str(os.cpu_count()),
        "cpu": ", ".join(sorted(models)),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GB",
        "Python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
