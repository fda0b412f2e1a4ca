"""The commands of `baton policy`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from baton import activation
from baton.policy.bundle import Bundle
from baton.settings import KafkaSettings
from baton_cli.failures import MISUSED, Failure
from baton_cli.kafka import with_kafka
from baton_cli.policy.checking import checked, summary
from baton_cli.screen import output

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="The bundle: a folder of eight YAML files.")
]
By = Annotated[str, typer.Option(help="Who decides this.")]
Why = Annotated[str, typer.Option(help="The reason, for the history.")]


def check(directory: Directory) -> None:
    """Read a bundle, print every problem with its file and line, and run its tests."""
    console = output()
    console.print(summary(checked(directory, console)))


def activate(
    directory: Directory,
    by: By,
    why: Why,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="From when on, such as 2026-10-01T09:00:00+02:00."),
    ] = None,
) -> None:
    """Put a bundle in force, now or from a later time on. Checks it first, its tests included."""
    console = output()
    when = None if at is None else _later(at)
    bundle = checked(directory, console)
    console.print(summary(bundle))

    async def ask(settings: KafkaSettings) -> datetime:
        return (await activation.activate(settings, bundle, when, by, why)).effective_at

    effective = with_kafka(ask)
    console.print(_told(bundle, effective, scheduled=when is not None))


def _later(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise _wrong_time(text, "is not a time") from error
    if when.tzinfo is None:
        raise _wrong_time(text, "does not say in which time zone")
    if when < datetime.now(UTC):
        raise _wrong_time(text, "is past, and decisions that were made stay as they are")
    return when.astimezone(UTC)


def _wrong_time(text: str, reason: str) -> Failure:
    return Failure(
        f"--at {text} {reason}",
        "Write a time to come with its offset, such as 2026-10-01T09:00:00+02:00, "
        "or leave --at out for now.",
        exit_code=MISUSED,
    )


def _told(bundle: Bundle, effective: datetime, *, scheduled: bool) -> str:
    name = bundle.hash[:12]
    if scheduled:
        return f"{name} will be in force from {effective.isoformat(timespec='seconds')} on."
    return f"{name} is in force: each service decides by it as soon as it has read this."


app = typer.Typer(no_args_is_help=True, help="What is agreed: check it, put it in force, go back.")
app.command("check")(check)
app.command("activate")(activate)
