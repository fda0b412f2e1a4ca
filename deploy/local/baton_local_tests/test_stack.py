"""A stack: what was started ends, what is killed comes back, and nothing stays behind."""

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from baton_local.errors import NotReadyError, StackError
from baton_local.ports import LOOPBACK, Ports, free_ports, is_free
from baton_local.processes import alive, with_children
from baton_local.program import Program
from baton_local.readiness import blocking, http_ready
from baton_local.stack import KAFKA, POSTGRES, Stack, start_on_free_ports
from baton_local.waiting import wait_until


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Stack]:
    """A stack that has neither server, for programs of the test's own."""
    stack = Stack(tmp_path / "stack", Ports(), servers=())
    yield stack
    stack.remove()


def web_server(name: str = "web", **env: str) -> Program:
    port = free_ports(1)[0]
    command = (sys.executable, "-m", "http.server", str(port), "--bind", LOOPBACK)
    ready = lambda: http_ready(f"http://{LOOPBACK}:{port}/")  # noqa: E731  # read at the call below
    return Program(name, command, env, Path(__file__).parent, ready, port=port)


def processes_of(stack: Stack) -> list[psutil.Process]:
    return with_children(int(stack.state.supervisor_pid.read_text()))


def all_gone(processes: list[psutil.Process]) -> Callable[[], bool]:
    return lambda: not any(map(alive, processes))


def test_what_a_killed_server_had_acknowledged_is_there_when_it_is_back(
    own_stack: Callable[..., Stack],
) -> None:
    stack = own_stack(POSTGRES)
    before = stack.pid(POSTGRES)
    run_sql(stack, "create table lead as select 42 as id")
    stack.kill_program(POSTGRES)
    wait_until(lambda: stack.status()[0].pid not in {None, before}, "it is not restarted")
    stack.wait_ready(POSTGRES)
    assert run_sql(stack, "select id from lead") == 42


def test_a_stopped_server_stays_away_until_it_is_started(own_stack: Callable[..., Stack]) -> None:
    stack = own_stack()
    for server, port in ((KAFKA, stack.ports.kafka), (POSTGRES, stack.ports.postgres)):
        for crash in (True, False):
            stack.stop_program(server, crash=crash)
            assert is_free(port)
            with pytest.raises(StackError, match=f"{server} does not run"):
                stack.pid(server)
            stack.start_program(server)
            assert not is_free(port)


def test_a_stopped_stack_leaves_no_process_and_starts_again_with_what_it_knew(
    own_stack: Callable[..., Stack],
) -> None:
    stack = own_stack(POSTGRES)
    run_sql(stack, "create table lead as select 42 as id")
    processes = processes_of(stack)
    assert len(processes) > 2
    stack.stop()
    assert all_gone(processes)()
    assert is_free(stack.ports.postgres)
    stack.start()
    assert run_sql(stack, "select id from lead") == 42


def test_nothing_is_left_on_disk_when_a_stack_is_removed(empty: Stack) -> None:
    empty.add(web_server())
    empty.start_supervisor()
    annex = empty.state.annex
    empty.remove()
    assert not empty.state.path.exists()
    assert not annex.exists()


@pytest.mark.long
def test_a_stack_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    parent = start_elsewhere(tmp_path, outlives_parent=False)
    processes = processes_of(Stack(tmp_path, Ports(), servers=()))
    assert len(processes) == 2
    parent.kill()
    parent.communicate()
    wait_until(all_gone(processes), "they do not end")
    Stack(tmp_path, Ports(), servers=()).remove()


@pytest.mark.long
def test_a_stack_in_the_background_outlives_its_parent_and_is_stopped_by_another(
    tmp_path: Path,
) -> None:
    parent = start_elsewhere(tmp_path, outlives_parent=True)
    parent.kill()
    parent.communicate()
    stack = Stack(tmp_path, Ports(), servers=())
    processes = processes_of(stack)
    assert stack.running()
    assert all(map(alive, processes))
    stack.remove()
    assert all_gone(processes)()


def start_elsewhere(state: Path, *, outlives_parent: bool) -> subprocess.Popen[str]:
    """Another Python that has started a stack with one program, and waits to be killed."""
    script = f"""\
        import sys, time
        from pathlib import Path
        from baton_local.ports import Ports
        from baton_local.program import Program
        from baton_local.stack import Stack

        stack = Stack(
            Path({str(state)!r}), Ports(), servers=(), outlives_parent={outlives_parent}
        )
        sleep = (sys.executable, "-c", "import time; time.sleep(600)")
        stack.add(Program("sleeper", sleep, {{}}, Path("/"), lambda: None))
        stack.start_supervisor()
        stack.start_program("sleeper")
        while stack.status()[0].state != "RUNNING":
            time.sleep(0.02)
        print("started", flush=True)
        time.sleep(600)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "started\n"
    return parent


def test_programs_end_with_a_killed_supervisor(empty: Stack) -> None:
    empty.add(web_server())
    empty.start_supervisor()
    empty.start_program("web")
    processes = processes_of(empty)
    os.kill(processes[0].pid, signal.SIGKILL)
    wait_until(all_gone(processes), "they do not end")


@pytest.mark.long
def test_a_program_can_be_added_while_the_stack_runs(empty: Stack) -> None:
    empty.add(web_server("first"))
    empty.start_supervisor()
    empty.start_program("first")
    first = empty.pid("first")
    empty.add(web_server("second"))
    empty.start_program("second")
    assert empty.pid("first") == first
    assert [state.waiting_for for state in empty.status()] == [None, None]


def test_a_program_gets_the_environment_it_is_given_and_no_other(empty: Stack) -> None:
    awkward = "a'b\"c%d $HOME;\n ü\\"
    empty.add(web_server(AWKWARD=awkward))
    empty.start_supervisor()
    empty.start_program("web")
    environment = psutil.Process(empty.pid("web")).environ()
    environment.pop("LC_CTYPE", None)  # Python's own doing
    assert environment == {"AWKWARD": awkward}


def test_only_the_owner_can_read_what_a_program_is_told(empty: Stack) -> None:
    empty.add(web_server(BATON_API_TOKEN="secret"))
    empty.start_supervisor()
    empty.start_program("web")
    assert empty.state.program("web").stat().st_mode & 0o777 == 0o600


def test_a_program_that_never_gets_ready_is_reported_with_the_end_of_its_log(
    empty: Stack,
) -> None:
    complaint = (sys.executable, "-c", "import time; print('no policy', flush=True); time.sleep(9)")
    empty.add(Program("scoring", complaint, {}, Path("/"), lambda: "no bundle is in force"))
    empty.start_supervisor()
    empty.start_program("scoring", wait=False)
    log = empty.state.log("scoring")
    wait_until(lambda: "no policy" in log.read_text(), "it says nothing")
    with pytest.raises(NotReadyError, match="no bundle is in force") as late:
        empty.wait_ready("scoring", timeout_s=0)
    assert "no policy" in str(late.value)


@pytest.mark.long
def test_a_program_that_ends_again_and_again_is_given_up(empty: Stack) -> None:
    complaint = (sys.executable, "-c", "import sys; sys.exit('BATON_API_TOKEN is missing')")
    empty.add(Program("ingest", complaint, {}, Path("/"), lambda: "it does not answer"))
    empty.start_supervisor()
    with pytest.raises(NotReadyError, match="it ends again and again") as given_up:
        empty.start_program("ingest")
    assert "BATON_API_TOKEN is missing" in str(given_up.value)


def test_a_port_that_somebody_took_meanwhile_is_replaced_by_another(tmp_path: Path) -> None:
    tried: list[Ports] = []

    def make(ports: Ports) -> Stack:
        tried.append(ports)
        stack = Stack(tmp_path / str(len(tried)), ports, servers=())
        stack.add(web_server())
        if len(tried) == 1:
            taken.bind((LOOPBACK, ports.services["ingest"]))
            taken.listen()
            stack.add(dataclasses.replace(web_server(), port=ports.services["ingest"]))
        return stack

    with socket.socket() as taken:
        stack = start_on_free_ports(make)
    assert stack.ports is tried[1]
    assert not (tmp_path / "1").exists()
    stack.remove()


def run_sql(stack: Stack, statement: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(stack.database_url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return blocking(run)
