"""What the tests of the bench run on."""

from collections.abc import Iterator

import pytest

from baton_local.leftovers import new_state
from baton_local.ports import Ports
from baton_local.stack import Stack, start_on_free_ports


@pytest.fixture(scope="module")
def shared_stack(kafka_bootstrap: str, postgres_url: str) -> Iterator[Stack]:
    """Services on the servers of all tests, where `make bench` starts servers of its own."""

    def make(ports: Ports) -> Stack:
        return Stack(
            new_state(), ports, servers=(), kafka_bootstrap=kafka_bootstrap, server_url=postgres_url
        )

    stack = start_on_free_ports(make)
    yield stack
    stack.remove()
