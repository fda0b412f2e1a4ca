"""The commands of `baton policy`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from baton import activation
from baton.events import PolicyActivated
from baton.policy.bundle import Bundle
from baton.settings import KafkaSettings
from baton_cli.commands import add
from baton_cli.failures import MISUSED, Failure
from baton_cli.kafka import with_kafka
from baton_cli.policy.checking import checked, summary
from baton_cli.policy.past import SHOWN, Past, past
from baton_cli.screen import output, table
from baton_cli.times import moment, moment_in_zone, zone

_LONGEST_NAME = 1_000
_LONGEST_TEXT = 10_000

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="The bundle: a folder of YAML files.")
]
By = Annotated[str, typer.Option(metavar="WHO", help="Who decides this; the history keeps it.")]
Why = Annotated[str, typer.Option(metavar="REASON", help="Why; the history keeps it.")]


def check(directory: Directory) -> None:
    """Check a bundle: show each problem with its file and line, and run its tests.

    Needs neither Kafka nor the services, so it can run in a review.
    """
    console = output()
    console.print(summary(checked(directory, console)))


def activate(
    directory: Directory,
    by: By,
    why: Why,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="From when on, with its offset; now if left out."),
    ] = None,
) -> None:
    """Activate a bundle. Checks it first, its tests included."""
    _need_words(by, why)
    when = None if at is None else _later(at)
    bundle = checked(directory, output())
    output().print(summary(bundle))
    _activate(with_kafka(past), bundle, by, why, when)


def active() -> None:
    """Show which bundle is in force, since when, by whom and why, and what is to come."""
    found = with_kafka(past)
    if found.in_force is None:
        raise Failure(
            "no bundle is in force yet, so no lead is scored or routed",
            "`baton policy activate DIR --by WHO --why REASON` puts one in force.",
        )
    output().print(_line(found.in_force, "in force since"), soft_wrap=True)
    _tell_to_come(found)


def history() -> None:
    """List every activation: from when on, which bundle, by whom and why."""
    found = with_kafka(past)
    when = f"from ({zone()})"
    shown = table(when, "bundle", "", "by", "why", unbroken=[when, "bundle", ""])
    for activated in found.activations:
        mark = Text("in force", "green") if activated is found.in_force else Text("")
        if activated in found.to_come:
            mark = Text("to come", "yellow")
        shown.add_row(
            moment_in_zone(activated.effective_at),
            activated.hash[:SHOWN],
            mark,
            activated.by,
            activated.why,
        )
    output().print(shown if found.activations else "Nothing was ever activated.")


def back(
    by: By,
    why: Why,
    to: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="Which bundle, by the first digits of its hash."),
    ] = None,
) -> None:
    """Put the bundle in force again that was before, or any that ever was."""
    _need_words(by, why)
    found = with_kafka(past)
    bundle = found.before() if to is None else found.named(to)
    output().print(summary(bundle))
    _activate(found, bundle, by, why, None)


def _activate(found: Past, bundle: Bundle, by: str, why: str, when: datetime | None) -> None:
    current = found.in_force
    if when is None and current is not None and current.hash == bundle.hash:
        output().print(_line(current, "already in force since"), soft_wrap=True)
        _tell_to_come(found)
        return

    async def ask(settings: KafkaSettings) -> PolicyActivated:
        return await activation.activate(settings, bundle, when, by, why)

    done = with_kafka(ask)
    name = bundle.hash[:SHOWN]
    if when is None:
        message = f"{name} is in force: each service decides by it as soon as it has read this."
    else:
        message = f"{name} will be in force from {moment(done.effective_at)} on."
    output().print(Text(message, "green"), soft_wrap=True)
    _tell_to_come(found)


def _tell_to_come(found: Past) -> None:
    for activated in found.to_come:
        output().print(_line(activated, "to come from"), soft_wrap=True)


def _line(activated: PolicyActivated, state: str) -> Text:
    return Text.assemble(
        (activated.hash[:SHOWN], "bold"),
        f" {state} {moment(activated.effective_at)}, by {activated.by}: {activated.why}",
    )


def _need_words(by: str, why: str) -> None:
    for option, text, most in (("--by", by, _LONGEST_NAME), ("--why", why, _LONGEST_TEXT)):
        reason = "is empty" if not text.strip() else f"is longer than {most} characters"
        if not text.strip() or len(text) > most:
            raise Failure(f"{option} {reason}", "The history keeps it.", exit_code=MISUSED)


def _later(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise _wrong_time(text, "is not a time") from error
    if when.tzinfo is None:
        raise _wrong_time(text, "does not say in which time zone")
    if when < datetime.now(UTC):
        raise _wrong_time(text, "is past, and decisions that were made stay as they are")
    try:
        return when.astimezone(UTC)
    except OverflowError as error:
        raise _wrong_time(text, "is no time that can be kept") from error


def _wrong_time(text: str, reason: str) -> Failure:
    return Failure(
        f"--at {text} {reason}",
        "Write a time to come with its offset, such as 2026-10-01T09:00:00+02:00, "
        "or leave --at out for now.",
        exit_code=MISUSED,
    )


app = typer.Typer(
    no_args_is_help=True,
    help="The policy of marketing and sales: check it, activate it, go back.\n\n"
    "A bundle is a folder of YAML files. `check` needs nothing; the others need "
    "BATON_KAFKA_BOOTSTRAP_SERVERS, since bundles travel on the topic `policy`.",
)
add(app, check, "check", "baton policy check deploy/policy")
add(
    app,
    activate,
    "activate",
    'baton policy activate deploy/policy --by "Sales operations" --why "New territories"',
    'baton policy activate deploy/policy --by "Sales operations" --why "New quarter" '
    "--at 2026-10-01T09:00:00+02:00",
)
add(app, active, "active", "baton policy active")
add(app, history, "history", "baton policy history")
add(
    app,
    back,
    "back",
    'baton policy back --by "Sales operations" --why "Too many MQLs"',
    'baton policy back --to 8a1ea7 --by "Sales operations" --why "As it was last week"',
)
