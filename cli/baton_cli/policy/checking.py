"""A bundle's directory, checked: its files, and what its own tests say."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from baton.policy.bundle import Bundle
from baton.policy.problems import BundleError
from baton.policy_sections import policy_sections
from baton_cli.failures import MISUSED, Failure
from baton_cli.policy.leadtests import Found, Result, run
from baton_cli.screen import counted, table

_COUNTED = ("fit criterion", "engagement criterion", "rule", "pool", "rep", "source")
"""The kinds of names that the summary of a bundle counts."""


def checked(directory: Path, console: Console) -> Bundle:
    """The bundle in a directory, with its tests shown.

    Raises Failure with every problem of its files, or where one of its tests does not hold.
    """
    bundle = _read(directory)
    results = run(bundle)
    failed = [result for result in results if not result.passed]
    console.print(_results(results) if results else "This bundle has no tests.")
    for result in failed:
        console.print(Text.assemble("\n", (result.test.name, "bold"), " did not hold:"))
        console.print(_comparisons(result))
    if failed:
        raise Failure(
            f"{len(failed)} of {counted(len(results), 'test')} in {directory / 'tests.yaml'} "
            "did not hold",
            "Mend the bundle, or what the test expects of it.",
        )
    return bundle


def summary(bundle: Bundle) -> str:
    """A line on what the bundle has."""
    found = {kind: bundle.sections.names(kind) for kind in _COUNTED}
    counts = [counted(len(names), kind) for kind, names in found.items() if names is not None]
    return f"bundle {bundle.hash[:12]}: {', '.join(counts)}"


def _read(directory: Path) -> Bundle:
    sections = policy_sections()
    if not directory.is_dir():
        files = (section.file for section in sections if not section.optional)
        raise Failure(
            f"there is no directory {directory}",
            f"A bundle is a directory with {', '.join(files)}.",
            exit_code=MISUSED,
        )
    try:
        return Bundle.read(directory, sections)
    except BundleError as error:
        problems = [
            f"{directory / problem.file}:{problem.line}: "
            + (f"{problem.path}: " if problem.path else "")
            + problem.reason
            for problem in error.problems
        ]
        count = counted(len(problems), "problem")
        raise Failure("\n".join([f"{count} in {directory}", *problems])) from error


def _results(results: Sequence[Result]) -> Table:
    """Each test with what became of its lead."""
    shown = table("", "test", "points", "grade", "stage", "goes to", unbroken=["stage"])
    shown.columns[2].justify = "right"
    for result in results:
        mark = Text("ok", "green") if result.passed else Text("no", "bold red")
        found = [_shown(result.found[name]) for name in ("total", "grade", "stage")]
        shown.add_row(mark, result.test.name, *found, _goal(result))
    return shown


def _goal(result: Result) -> str:
    held_by, exclusion = result.found["quarantine"], result.found["exclusion"]
    if held_by:
        return f"quarantine: {held_by}"
    return f"nobody: {exclusion}" if exclusion else _shown(result.found["pool"])


def _comparisons(result: Result) -> Table:
    shown = table("", "", "expected", "got")
    for comparison in result.comparisons:
        mark = Text("ok", "green") if comparison.holds else Text("no", "bold red")
        got = Text(_shown(comparison.got), "" if comparison.holds else "bold red")
        shown.add_row(mark, comparison.property_name, _shown(comparison.expected), got)
    return shown


def _shown(value: Found) -> str:
    return "-" if value is None else str(value)
