"""Real servers for tests: one Kafka and one PostgreSQL a run, started when first asked for.

Where BATON_KAFKA_BOOTSTRAP_SERVERS or BATON_DATABASE_URL name a server, that one is used instead,
unless they come from the `env` file of a local stack.
"""

import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from hypothesis import is_hypothesis_test, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from baton_local.given_servers import given_servers
from baton_local.leftovers import new_state, remove_leftovers
from baton_local.postgres import copy_database, create_database, drop_database
from baton_local.readiness import blocking
from baton_local.stack import KAFKA, POSTGRES, Stack, start_on_free_ports

SHARED = pytest.StashKey[Stack]()
OWN_SERVERS = frozenset({"own_stack", "module_stack"})
SERVERS = OWN_SERVERS | {"kafka_bootstrap", "postgres_url"}
DEPLOYMENTS = "deployments"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        DEPLOYMENTS,
        "folders, each with a deployment for all its tests: a worker has the whole folder",
        type="linelist",
    )


def pytest_configure(config: pytest.Config) -> None:
    # How long an example takes says more of the machine, which others use too, than of the code.
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")
    config.addinivalue_line("markers", "servers: uses a real server; set by itself, never by hand")
    config.addinivalue_line(
        "markers",
        "trial: long; runs a program as a whole, or has servers of its own (then set by itself)",
    )
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As in the background of a shell. What tests start would inherit it, and some interrupt it.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    slow: set[Path] = set()
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        if is_hypothesis_test(item.obj):
            item.add_marker("long")
        if not SERVERS.isdisjoint(item.fixturenames):
            item.add_marker("servers")
            if not OWN_SERVERS.isdisjoint(item.fixturenames):
                item.add_marker("trial")
            slow.add(item.path)
    folders = [config.rootpath / folder for folder in config.getini(DEPLOYMENTS)]
    # What takes long comes first, so that no worker is left alone with it in the end.
    items.sort(
        key=lambda item: (not any(map(item.path.is_relative_to, folders)), item.path not in slow)
    )


class ByDeployment(LoadFileScheduling):  # type: ignore[misc]  # untyped
    """A worker has all tests of a file, and all those of a folder with a deployment."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        folders: list[str] = self.config.getini(DEPLOYMENTS)
        return next((folder for folder in folders if Path(file).is_relative_to(folder)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return ByDeployment(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Where a run has several workers, they share the servers too."""
    config = node.config
    if "not servers" in config.getoption("markexpr"):
        return
    if SHARED not in config.stash:
        config.stash[SHARED] = _start(KAFKA, POSTGRES)
        config.add_cleanup(config.stash[SHARED].remove)
    node.workerinput[KAFKA] = config.stash[SHARED].kafka_bootstrap
    node.workerinput[POSTGRES] = config.stash[SHARED].server_url


def _of_the_run(config: pytest.Config, server: str, address: str | None) -> str | None:
    """The address of a server that is there already, given or shared by the workers of the run."""
    workerinput: dict[str, str] = getattr(config, "workerinput", {})
    return address or workerinput.get(server)


@pytest.fixture(scope="session")
def kafka_bootstrap(pytestconfig: pytest.Config) -> Iterator[str]:
    """The address of a Kafka that all tests of the run share."""
    address = _of_the_run(pytestconfig, KAFKA, given_servers().kafka_bootstrap)
    if address is not None:
        yield address
        return
    stack = _start(KAFKA)
    yield stack.kafka_bootstrap
    stack.remove()


@pytest.fixture(scope="session")
def postgres_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """The URL of a PostgreSQL that all tests of the run share; make databases, don't use this."""
    address = _of_the_run(pytestconfig, POSTGRES, given_servers().server_url)
    if address is not None:
        yield address
        return
    stack = _start(POSTGRES)
    yield stack.server_url
    stack.remove()


@pytest.fixture(scope="session")
def make_database(postgres_url: str) -> Iterator[Callable[[], str]]:
    """Makes empty databases that last until the end of the run, and gives their URLs."""
    made = []

    def make() -> str:
        name = f"test_{secrets.token_hex(6)}"
        made.append(name)
        return create_database(postgres_url, name)

    yield make
    for name in made:
        drop_database(postgres_url, name)


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database of this test's own."""
    name = f"test_{secrets.token_hex(6)}"
    yield create_database(postgres_url, name)
    drop_database(postgres_url, name)


@pytest.fixture
def copy_of(postgres_url: str) -> Iterator[Callable[[str], str]]:
    """Makes copies, for this test, of a database that nobody is connected to; gives their URLs.

    A copy takes a small part of the time that migrations take.
    """
    made = []

    def make(url: str) -> str:
        name = f"test_{secrets.token_hex(6)}"
        made.append(name)
        return copy_database(url, name)

    yield make
    for name in made:
        drop_database(postgres_url, name)


@pytest.fixture(scope="session")
def make_topic_prefix(kafka_bootstrap: str) -> Iterator[Callable[[], str]]:
    """Makes prefixes that no other topic has; their topics last until the end of the run."""
    made = []

    def make() -> str:
        made.append(f"t{secrets.token_hex(6)}-")
        return made[-1]

    yield make
    _delete_topics(kafka_bootstrap, tuple(made))


@pytest.fixture
def topic_prefix(kafka_bootstrap: str) -> Iterator[str]:
    """A prefix that no other test's topics have; the topics are deleted after the test."""
    prefix = f"t{secrets.token_hex(6)}-"
    yield prefix
    _delete_topics(kafka_bootstrap, (prefix,))


@pytest.fixture
def own_stack() -> Iterator[Callable[..., Stack]]:
    """Starts stacks of this test's own, whose servers it may kill: `own_stack("kafka")`.

    Takes the names of the servers wanted; both if none is given.
    """
    stacks = []

    def start(*servers: str) -> Stack:
        stacks.append(_start(*(servers or (KAFKA, POSTGRES))))
        return stacks[-1]

    yield start
    for stack in stacks:
        stack.remove()


@pytest.fixture(scope="module")
def module_stack() -> Iterator[Stack]:
    """A Kafka and a PostgreSQL of a module's own, whose tests may stop them and start them."""
    stack = _start(KAFKA, POSTGRES)
    yield stack
    stack.remove()


def _start(*servers: str) -> Stack:
    remove_leftovers()
    return start_on_free_ports(
        lambda ports: Stack(new_state(), ports, servers=servers, short_lived=True)
    )


def _delete_topics(bootstrap: str, prefixes: tuple[str, ...]) -> None:
    async def delete() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        try:
            topics = [topic for topic in await admin.list_topics() if topic.startswith(prefixes)]
            if topics:
                await admin.delete_topics(topics)
        finally:
            await admin.close()

    if prefixes:
        blocking(delete)
