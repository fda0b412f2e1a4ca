"""Baton in the background: what `make up`, `down`, `status` and `clean` do."""

import dataclasses
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
from rich.markup import escape
from rich.table import Table

from baton_local.errors import PortInUseError, StackError
from baton_local.given_servers import FROM_STACK, GivenServers, given_servers
from baton_local.leftovers import DEMOS, TESTS, remove_leftovers
from baton_local.paths import KAFKA_JARS, RUN
from baton_local.ports import LOOPBACK, Ports
from baton_local.services import (
    BUNDLE,
    SERVICES,
    environment,
    secret_names,
    service_program,
)
from baton_local.stack import Stack, Status
from baton_local.starting import start_baton
from baton_local.state import StateDirectory, write_private


class Background:
    """One Baton of this checkout; those with other offsets run beside it."""

    def __init__(
        self, console: Console, offset: int, *, run: Path = RUN, bundle: Path = BUNDLE
    ) -> None:
        self._console = console
        self._offset = offset
        self._bundle = bundle
        self._state = run / (f"up-{offset}" if offset else "up")

    def up(self) -> None:
        """Returns when every service is ready; if one does not get there, nothing is left running.

        Raises StackError with the way out.
        """
        stack = self.stack()
        if stack.running():
            self._console.print(f"Baton is up already; `{self._make('down')}` stops it.")
            self._show(stack.status())
            return
        stack = self._new_stack()
        settings = environment(stack, secret_names(self._bundle))
        with self._or_nothing(stack):
            start_baton(stack, settings, self._bundle, self._say)
        shell = _write_shell_environment(stack, settings)
        self._show(stack.status())
        self._console.print(
            f"\nTo use it from this shell:  [bold]. {shell}[/]  then [bold]baton --help[/]\n"
            f"Its interactive API:        http://{LOOPBACK}:{stack.ports.services['ingest']}/docs\n"
            f"To watch, and to stop:      [bold]{self._make('logs')}[/], "
            f"[bold]{self._make('down')}[/]"
        )

    def down(self) -> None:
        stack = self.stack()
        if not stack.running():
            self._console.print("Baton is not up.")
            return
        stack.stop()
        self._console.print("Baton is down; what it knows is kept. `make clean` forgets it.")

    def status(self) -> None:
        stack = self.stack()
        if not stack.running():
            self._console.print(f"Baton is not up; `{self._make('up')}` starts it.")
            return
        self._show(stack.status())

    def stack(self) -> Stack:
        """The stack as it was last started, wherever that was done from."""
        state = StateDirectory(self._state)
        manifest = json.loads(state.manifest.read_text()) if state.manifest.exists() else {}
        servers = GivenServers(manifest.get("kafka_bootstrap"), manifest.get("server_url"))
        found = self._stack(servers)
        if state.exists():
            found.attach()
            found.add(*(service_program(found, service, {}) for service in SERVICES))
        return found

    def _new_stack(self) -> Stack:
        """With the servers that the environment names, where it does."""
        servers = given_servers()
        made = self._stack(servers)
        made.state.make()
        made.attach()
        # Holds a password, if a PostgreSQL was given.
        write_private(made.state.manifest, json.dumps(dataclasses.asdict(servers)))
        return made

    def _stack(self, servers: GivenServers) -> Stack:
        return Stack(
            self._state,
            Ports().shifted(self._offset),
            kafka_bootstrap=servers.kafka_bootstrap,
            server_url=servers.server_url,
            outlives_parent=True,
        )

    @contextmanager
    def _or_nothing(self, stack: Stack) -> Iterator[None]:
        try:
            yield
        except PortInUseError as error:
            stack.stop()
            other = f"make up OFFSET={self._offset + 100}"
            raise StackError(f"{error}\nNothing was started. Try other ports: {other}") from error
        except BaseException:
            stack.stop()
            raise

    def _make(self, target: str) -> str:
        return f"make {target} OFFSET={self._offset}" if self._offset else f"make {target}"

    def _say(self, step: str) -> None:
        self._console.print(f"[dim]up:[/] {step}")

    def _show(self, states: list[Status]) -> None:
        self._console.print(_table(states))


def clean(console: Console, run: Path = RUN) -> None:
    """Stops and removes every stack of this checkout but those of tests and demos that go on."""
    for state in run.glob("*/annex"):
        Stack(state.parent, Ports()).remove()
    remaining = {KAFKA_JARS, *(among for among in (TESTS, DEMOS) if remove_leftovers(among))}
    for entry in run.glob("*"):
        if entry not in remaining:
            shutil.rmtree(entry)
    console.print("Nothing runs, and nothing is kept.")


def _write_shell_environment(stack: Stack, settings: Mapping[str, str]) -> Path:
    exports = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    exports.append(f"export {FROM_STACK}={shlex.quote(stack.state.path.name)}")
    path = f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH"
    file = stack.state.path / "env"
    write_private(file, "\n".join([*exports, path, ""]))
    return Path(os.path.relpath(file))


def _table(states: list[Status]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("program", "state"):
        table.add_column(column)
    for column in ("pid", "up for", "port"):
        table.add_column(column, justify="right")
    table.add_column("ready", overflow="fold")
    for state in states:
        table.add_row(
            f"[bold]{state.name}[/]",
            # supervisord believes in a program once it has run for a second.
            "running" if state.waiting_for is None else state.state.lower(),
            "-" if state.pid is None else str(state.pid),
            "-" if state.pid is None else _since(state.started_at),
            "-" if state.port is None else str(state.port),
            "[green]yes[/]"
            if state.waiting_for is None
            else f"[red]no:[/] {escape(state.waiting_for)}",
        )
    return table


def _since(started_at: int) -> str:
    return str(timedelta(seconds=max(0, int(time.time()) - started_at)))
