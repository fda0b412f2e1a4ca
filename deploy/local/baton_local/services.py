"""Baton's services as programs of a stack, and what they and the operator's command are told."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

import yaml

from baton_local.errors import StackError
from baton_local.paths import ROOT
from baton_local.ports import LOOPBACK
from baton_local.program import Program
from baton_local.readiness import http_ready
from baton_local.stack import KAFKA, POSTGRES, Stack

SERVICES = ("ingest", "scoring", "routing", "sla_monitor")
SECRETS = ("BATON_API_TOKEN", "BATON_ID_KEY")
BUNDLE = ROOT / "deploy" / "policy"


def environment(stack: Stack, secret_names: Iterable[str] = ()) -> dict[str, str]:
    """The settings that all services and `baton` share, secrets included.

    `secret_names` are further ones to make up: those that a policy bundle's sources name.
    """
    ports = stack.ports.by_name()
    urls = {f"BATON_{name.upper()}_URL": f"http://{LOOPBACK}:{ports[name]}" for name in SERVICES}
    secrets = stack.secrets([*SECRETS, *secret_names])
    return {
        "BATON_KAFKA_BOOTSTRAP_SERVERS": stack.kafka_bootstrap,
        "BATON_DATABASE_URL": stack.database_url,
        **{name: secrets[name] for name in (*SECRETS, *secret_names)},
        **urls,
    }


def service_program(
    stack: Stack, service: str, told: Mapping[str, str], *, name: str | None = None, port: int = 0
) -> Program:
    """A process of a service; a second one of the same service needs a name and a port.

    Settings that this process was started with go along (BATON_LOG_LEVEL=debug, say), as far as
    `told` does not say otherwise.
    """
    listens = port or stack.ports.by_name()[service]
    return Program(
        name=name or service,
        argv=(sys.executable, "-m", f"{service}.main"),
        env={
            **os.environ,
            "BATON_LOG_FORMAT": "console",
            **told,
            "BATON_HOST": LOOPBACK,
            "BATON_PORT": str(listens),
        },
        cwd=ROOT,
        ready=partial(http_ready, f"http://{LOOPBACK}:{listens}/readyz"),
        port=listens,
    )


def start_baton(
    stack: Stack, told: Mapping[str, str], bundle: Path, say: Callable[[str], None]
) -> None:
    """The servers, topics, schemas, a bundle in force, the services; returns when all are ready.

    `bundle` is put in force only where none is. `say` is called with each step that takes a while.
    Raises PortInUseError, as a rule before anything is started, and StackError.
    """
    stack.add(*(service_program(stack, service, told) for service in SERVICES))
    say("Kafka with topics and a policy, PostgreSQL with schemas")
    stack.start_supervisor()
    _together(lambda: _kafka(stack, told, bundle), lambda: _postgres(stack, told))
    say(f"the services: {', '.join(SERVICES)}")
    for service in SERVICES:
        stack.start_program(service, wait=False)
    stack.wait_ready()


def _kafka(stack: Stack, told: Mapping[str, str], bundle: Path) -> None:
    stack.start(KAFKA)
    run_baton(["topics", "apply"], told)
    if _baton(["policy", "active"], told).returncode != 0:
        activate = ["policy", "activate", os.path.relpath(bundle, ROOT)]
        run_baton([*activate, "--by", "setup", "--why", "no bundle was in force"], told)


def _postgres(stack: Stack, told: Mapping[str, str]) -> None:
    stack.start(POSTGRES)
    run_baton(["migrate"], told)


def _together(*works: Callable[[], None]) -> None:
    """Returns when all are done; raises what the first one raises that fails."""
    workers = ThreadPoolExecutor()
    try:
        running = [workers.submit(work) for work in works]
        done, _ = wait(running, return_when=FIRST_EXCEPTION)
        for work in done:
            work.result()
    finally:
        # Whoever still waits for a server hears of its end once the stack is stopped.
        workers.shutdown(wait=False, cancel_futures=True)


def run_baton(arguments: Sequence[str], told: Mapping[str, str]) -> str:
    """What one command of `baton` prints. Raises StackError with that if it fails."""
    done = _baton(arguments, told)
    if done.returncode != 0:
        raise StackError(f"`baton {shlex.join(arguments)}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _baton(arguments: Sequence[str], told: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("baton")), *arguments],
        cwd=ROOT,
        env={**os.environ, **told},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def secret_names(bundle: Path) -> list[str]:
    """The environment variables that a policy bundle's sources take their secrets from.

    Raises StackError if the bundle has no `sources.yaml` that can be read.
    """
    sources = bundle / "sources.yaml"
    try:
        content = yaml.safe_load(sources.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise StackError(f"the policy's sources can't be read: {sources}: {error}") from error
    return sorted(set(_secret_envs(content)))


def _secret_envs(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "secret_env":
                yield from [value] if isinstance(value, str) else value
            else:
                yield from _secret_envs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _secret_envs(value)
