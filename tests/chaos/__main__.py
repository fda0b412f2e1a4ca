"""Runs Baton under fire, seed by seed, and says which promises were broken."""

import argparse
import logging
import shlex
import shutil
import sys
from collections import Counter
from dataclasses import replace

import structlog
from rich.console import Console

from baton_local.paths import RUN
from baton_local.stack import Stack
from tests.chaos.deployment import servers
from tests.chaos.seed import SHORT, Result, Size, run

KEPT = RUN / "chaos-failed"
_EXAMPLES = 3


def main() -> None:
    given = _arguments()
    # What libraries say of outages is no news here.
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    usual = SHORT if given.short else Size()
    size = replace(usual, leads=given.leads or usual.leads, rate=given.rate or usual.rate)
    failed: list[Result] = []
    with servers() as stack:
        for seed in range(given.seed, given.seed + given.seeds):
            console.print(f"seed {seed}", style="bold")
            result = run(stack, seed, size, given.leave_out, console.print)
            _report(console, result)
            if given.leave_out and not result.judged:
                console.print("this says nothing of what was left out")
                continue
            if result.violations:
                failed.append(result)
                _keep(stack, result, console)
                console.print(f'to repeat it: make chaos ARGS="{_again(given, seed)}"')
                if given.leave_out:
                    break
    _conclude(console, given, failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='make chaos ARGS="..."', description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="so many in a row")
    parser.add_argument("--leads", type=int, help="at least so many a seed")
    parser.add_argument("--rate", type=float, help="so many a second")
    parser.add_argument(
        "--short", action="store_true", help="as the tests have it: fewer leads and faults"
    )
    parser.add_argument(
        "--leave-out",
        action="append",
        default=[],
        metavar="STEP",
        help="a step of the runner's protocol that all services leave out: it must be noticed "
        "within these seeds",
    )
    return parser.parse_args()


def _report(console: Console, result: Result) -> None:
    outcomes = Counter(f"{sent.kind} {sent.outcome}" for sent in result.seen.sent)
    console.print("  ".join(f"{name}: {count}" for name, count in sorted(outcomes.items())))
    if not result.violations:
        console.print(f"seed {result.seed}: every promise was kept, {result.seconds:.0f} s")
        return
    counted = Counter(violation.rule for violation in result.violations)
    console.print(
        f"seed {result.seed}: {len(result.violations)} violations, {result.seconds:.0f} s"
    )
    for rule, count in counted.most_common():
        console.print(f"  {rule}: {count}")
        examples = [v.what for v in result.violations if v.rule == rule][:_EXAMPLES]
        for example in examples:
            console.print(f"    {example[:600]}", markup=False)


def _keep(stack: Stack, result: Result, console: Console) -> None:
    """What a failure is found out from."""
    into = KEPT / f"seed-{result.seed}"
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(stack.state.logs, into / "logs")
    (into / "seen.json").write_text(result.seen.model_dump_json(indent=1))
    (into / "events.txt").write_text("\n".join(result.events))
    violations = "\n".join(f"{each.rule}: {each.what}" for each in result.violations)
    (into / "violations.txt").write_text(violations)
    if result.evidence is not None:
        records = result.evidence.records
        lines = (
            f"{r.topic} {r.partition} {r.offset} {r.id} {r.type} {r.lead_id} {r.sequence} "
            f"{r.content[0].decode()}"
            for r in records
        )
        (into / "records.txt").write_text("\n".join(lines))
    console.print(f"logs, records and what the clients saw: {into}")


def _again(given: argparse.Namespace, seed: int) -> str:
    words = ["--seed", str(seed), *["--short"] * given.short]
    for option in ("leads", "rate"):
        if getattr(given, option) is not None:
            words += [f"--{option}", f"{getattr(given, option):g}"]
    for step in given.leave_out:
        words += ["--leave-out", step]
    return shlex.join(words)


def _conclude(console: Console, given: argparse.Namespace, failed: list[Result]) -> None:
    seeds = f"{given.seeds} seed{'s' if given.seeds > 1 else ''}"
    if given.leave_out:
        steps = ", ".join(given.leave_out)
        if not failed:
            console.print(f"{steps} left out, and nothing was noticed in {seeds}")
            sys.exit(1)
        console.print(f"{steps} left out: noticed with seed {failed[0].seed}")
        return
    if failed:
        numbers = ", ".join(str(result.seed) for result in failed)
        console.print(f"promises were broken with seeds {numbers}")
        sys.exit(1)
    console.print(f"every promise was kept in {seeds}")


if __name__ == "__main__":
    main()
