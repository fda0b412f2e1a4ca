"""Baton in the background: what `make up`, `down`, `status` and `clean` do."""

import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from baton_local.errors import PortInUseError, StackError
from baton_local.leftovers import remove_leftovers
from baton_local.paths import KAFKA_JARS, ROOT, RUN
from baton_local.ports import LOOPBACK, Ports
from baton_local.services import (
    BEFORE_SERVICES,
    BUNDLE,
    SERVICES,
    environment,
    run_baton,
    secret_names,
    service_program,
)
from baton_local.stack import Stack, Status
from baton_local.state import StateDirectory, write_private


def up(console: Console, offset: int) -> None:
    """Returns when every service is ready; if one does not get there, nothing is left running."""
    baton = stack(offset)
    if baton.running():
        console.print(f"Baton is up already; `{_make('down', offset)}` stops it.")
        _show(console, baton.status())
        return
    baton = _new_stack(offset)
    told = environment(baton, secret_names(BUNDLE))
    baton.add(*(service_program(baton, service, told) for service in SERVICES))
    with _or_nothing(baton, offset):
        _say(console, "Kafka and PostgreSQL")
        baton.start()
        for command in BEFORE_SERVICES:
            _say(console, f"baton {' '.join(command)}")
            run_baton(command, told)
        _say(console, f"the services: {', '.join(SERVICES)}")
        for service in SERVICES:
            baton.start_program(service, wait=False)
        baton.wait_ready()
    shell = _write_shell_environment(baton, told)
    _show(console, baton.status())
    console.print(
        f"\nTo use it from this shell:  [bold]. {shell}[/]  then [bold]baton --help[/]\n"
        f"Its interactive API:        http://{LOOPBACK}:{baton.ports.ingest}/docs\n"
        f"To watch, and to stop:      [bold]{_make('logs', offset)}[/], "
        f"[bold]{_make('down', offset)}[/]"
    )


def down(console: Console, offset: int) -> None:
    baton = stack(offset)
    if not baton.running():
        console.print("Baton is not up.")
        return
    baton.stop()
    console.print("Baton is down; what it knows is kept. `make clean` forgets it.")


def status(console: Console, offset: int) -> None:
    baton = stack(offset)
    if not baton.running():
        console.print(f"Baton is not up; `{_make('up', offset)}` starts it.")
        return
    _show(console, baton.status())


def clean(console: Console) -> None:
    """Stops and removes every stack of this checkout but those of a test run that goes on."""
    for state in RUN.glob("*/annex"):
        Stack(state.parent, Ports()).remove()
    going_on = remove_leftovers()
    for entry in RUN.glob("*"):
        if entry != KAFKA_JARS and not (going_on and entry.name == "test"):
            shutil.rmtree(entry)
    console.print("Nothing runs, and nothing is kept.")


def stack(offset: int) -> Stack:
    """The stack as it was last started, wherever that was done from."""
    state = StateDirectory(_state(offset))
    given = json.loads(state.manifest.read_text()) if state.manifest.exists() else {}
    found = _stack(offset, given)
    if state.exists():
        found.attach()
        for service in SERVICES:
            found.add(service_program(found, service, {}))
    return found


def _new_stack(offset: int) -> Stack:
    """With the servers that the environment names, where it does."""
    given = {
        "kafka_bootstrap": os.environ.get("BATON_KAFKA_BOOTSTRAP_SERVERS"),
        "server_url": os.environ.get("BATON_DATABASE_URL"),
    }
    made = _stack(offset, given)
    made.state.make()
    # Holds a password, if a PostgreSQL was given.
    write_private(made.state.manifest, json.dumps(given))
    return made


def _stack(offset: int, given: Mapping[str, str | None]) -> Stack:
    return Stack(
        _state(offset),
        Ports().shifted(offset),
        kafka_bootstrap=given.get("kafka_bootstrap"),
        server_url=given.get("server_url"),
        outlives_parent=True,
    )


def _state(offset: int) -> Path:
    return RUN / (f"up-{offset}" if offset else "up")


@contextmanager
def _or_nothing(baton: Stack, offset: int) -> Iterator[None]:
    try:
        yield
    except PortInUseError as error:
        baton.stop()
        other = _make("up", offset + 100)
        raise StackError(f"{error}\nNothing was started. Try other ports: {other}") from error
    except BaseException:
        baton.stop()
        raise


def _write_shell_environment(baton: Stack, told: Mapping[str, str]) -> Path:
    exports = [f"export {name}={shlex.quote(value)}" for name, value in told.items()]
    path = f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH"
    file = baton.state.path / "env"
    write_private(file, "\n".join([*exports, path, ""]))
    return file.relative_to(ROOT)


def _say(console: Console, step: str) -> None:
    console.print(f"[dim]up:[/] {step}")


def _make(target: str, offset: int) -> str:
    return f"make {target} OFFSET={offset}" if offset else f"make {target}"


def _show(console: Console, states: list[Status]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("program", "state"):
        table.add_column(column)
    for column in ("pid", "up for", "port"):
        table.add_column(column, justify="right")
    table.add_column("ready", overflow="fold")
    for state in states:
        table.add_row(
            f"[bold]{state.name}[/]",
            state.state.lower(),
            "-" if state.pid is None else str(state.pid),
            "-" if state.pid is None else _since(state.started_at),
            "-" if state.port is None else str(state.port),
            "[green]yes[/]" if state.waiting_for is None else f"[red]no:[/] {state.waiting_for}",
        )
    console.print(table)


def _since(started_at: int) -> str:
    return str(timedelta(seconds=max(0, int(time.time()) - started_at)))
