"""Baton's services as programs of a stack, and what they and the operator's command are told."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import yaml

from baton.manifest import manifests
from baton.settings import KafkaSettings
from baton_local.errors import StackError
from baton_local.paths import ROOT
from baton_local.ports import LOOPBACK
from baton_local.program import Program
from baton_local.readiness import http_ready
from baton_local.stack import Stack

SERVICES = tuple(service.package for service in manifests())
"""The processes of a stack, one for each service."""
SECRETS = ("BATON_API_TOKEN", "BATON_ID_KEY")
BUNDLE = ROOT / "deploy" / "policy"
_SHARDS = 12
"""Few, since they never have many processes here; each costs a little also when nothing happens."""


def environment(stack: Stack, secret_names: Iterable[str] = ()) -> dict[str, str]:
    """The settings that all services and `baton` share, secrets included.

    `secret_names` are further ones to make up: those that a policy bundle's sources name.
    """
    ports = stack.ports.by_name()
    urls = {
        service.url_variable: f"http://{LOOPBACK}:{ports[service.package]}"
        for service in manifests()
    }
    secrets = stack.secrets([*SECRETS, *secret_names])
    return {
        "BATON_KAFKA_BOOTSTRAP_SERVERS": stack.kafka_bootstrap,
        "BATON_DATABASE_URL": stack.database_url,
        "BATON_PARTITIONS": str(_SHARDS),
        **{name: secrets[name] for name in (*SECRETS, *secret_names)},
        **urls,
    }


def kafka_settings(settings: Mapping[str, str]) -> KafkaSettings:
    """Kafka as services see it that are told this."""
    return KafkaSettings(
        kafka_bootstrap_servers=settings["BATON_KAFKA_BOOTSTRAP_SERVERS"],
        topic_prefix=settings.get("BATON_TOPIC_PREFIX", ""),
        partitions=int(settings["BATON_PARTITIONS"]),
    )


def service_program(
    stack: Stack,
    service: str,
    settings: Mapping[str, str],
    *,
    name: str | None = None,
    port: int = 0,
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
            **settings,
            "BATON_HOST": LOOPBACK,
            "BATON_PORT": str(listens),
        },
        cwd=ROOT,
        ready=partial(http_ready, f"http://{LOOPBACK}:{listens}/readyz"),
        port=listens,
    )


def run_baton(arguments: Sequence[str], settings: Mapping[str, str]) -> str:
    """The output of a command of `baton`. Raises StackError with it if the command fails."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("baton")), *arguments],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(f"`baton {shlex.join(arguments)}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout


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
            if key in ("secret_env", "verify_token_env"):
                yield from [value] if isinstance(value, str) else value
            else:
                yield from _secret_envs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _secret_envs(value)
