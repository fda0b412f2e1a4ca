"""How the commands write: results to standard output, everything else to standard error."""

import json
from collections.abc import Collection

from rich.console import Console
from rich.table import Table
from rich.text import Text

from baton_cli.failures import Failure


def output() -> Console:
    """For what was asked for. Wraps words, never guesses at markup or highlights in data."""
    return Console(highlight=False, markup=False, emoji=False)


def notes() -> Console:
    """For everything said beside it, so that output can be piped."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def table(*columns: str, unbroken: Collection[str] = ()) -> Table:
    """Without lines: columns by their heads, two spaces apart; those in `whole` are not wrapped."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold dim", pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=column in unbroken)
    return made


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 rule`, `2 criteria`."""
    if number == 1:
        return f"1 {noun}"
    stem = noun.removesuffix("criterion")
    return f"{number} {noun}s" if stem == noun else f"{number} {stem}criteria"


def pretty(text: str) -> str:
    """JSON with a field a line; any other text as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def show(failure: Failure) -> None:
    """One message, and the way out under it."""
    console = notes()
    # A terminal wraps by itself; what was wrapped by us could not be copied or searched.
    message = Text("Error: ", "bold red").append(failure.message, "not bold default")
    console.print(message, soft_wrap=True)
    if failure.way_out:
        console.print(Text(failure.way_out, "dim"), soft_wrap=True)
