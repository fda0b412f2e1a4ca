"""Two stacks never fight over a port in silence."""

import socket
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from baton_local.background import Background
from baton_local.errors import PortInUseError, StackError
from baton_local.ports import LOOPBACK, Ports, free_ports, is_free, require_free


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as server:
        server.bind((LOOPBACK, free_ports(1)[0]))
        server.listen()
        yield server.getsockname()[1]


def test_free_ports_are_free_and_differ() -> None:
    ports = free_ports(7)
    assert len(set(ports)) == 7
    assert all(map(is_free, ports))


def test_free_ports_are_none_that_the_kernel_gives_to_a_client() -> None:
    with socket.socket() as client:
        client.bind((LOOPBACK, 0))
        assert max(free_ports(100)) < 32_768
        assert client.getsockname()[1] not in free_ports(100)


def test_a_taken_port_is_named_with_the_program_that_wants_it(taken: int) -> None:
    with pytest.raises(PortInUseError, match=f"port {taken}, which routing needs, is in use"):
        require_free({"routing": taken})


def test_an_offset_moves_every_port() -> None:
    moved = Ports().shifted(100).by_name()
    assert moved == {name: port + 100 for name, port in Ports().by_name().items()}


@pytest.mark.parametrize("offset", [-9_000, 60_000])
def test_an_offset_beyond_the_range_of_ports_is_refused(offset: int) -> None:
    with pytest.raises(StackError, match=f"an offset of {offset} puts"):
        Ports().shifted(offset)


def test_up_names_a_taken_port_and_the_way_out_and_starts_nothing(
    taken: int, tmp_path: Path
) -> None:
    baton = Background(Console(file=StringIO()), taken - Ports().services["scoring"], run=tmp_path)
    with pytest.raises(StackError, match=f"port {taken}, which scoring needs") as refused:
        baton.up()
    assert "Nothing was started. Try other ports: make up OFFSET=" in str(refused.value)
    assert not baton.stack().running()
    baton.stack().remove()
