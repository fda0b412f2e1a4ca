"""Which ports a stack listens on."""

import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from baton.manifest import manifests
from baton_local.errors import PortInUseError, StackError

LOOPBACK = "127.0.0.1"
USER_PORTS = range(1024, 65_536)


@dataclass(frozen=True, slots=True)
class Ports:
    """One port for each listener of a stack; the defaults are those of `make up`."""

    services: Mapping[str, int] = field(
        default_factory=lambda: {service.package: service.port for service in manifests()}
    )
    kafka: int = 9192
    kafka_controller: int = 9193
    postgres: int = 5532

    def shifted(self, offset: int) -> "Ports":
        """The same ports, each higher by `offset`, so that two stacks can run side by side.

        Raises StackError if that leaves the range of ports.
        """
        shifted = {name: port + offset for name, port in self.by_name().items()}
        for name, port in shifted.items():
            if port not in USER_PORTS:
                raise StackError(
                    f"an offset of {offset} puts {name} on port {port}; "
                    f"it must lie between {USER_PORTS.start} and {USER_PORTS.stop - 1}"
                )
        return Ports._of(shifted)

    def by_name(self) -> dict[str, int]:
        return {
            **self.services,
            "kafka": self.kafka,
            "kafka_controller": self.kafka_controller,
            "postgres": self.postgres,
        }

    @staticmethod
    def free() -> "Ports":
        """Ports that nobody listens on at this moment."""
        names = Ports().by_name()
        return Ports._of(dict(zip(names, free_ports(len(names)), strict=True)))

    @staticmethod
    def _of(by_name: dict[str, int]) -> "Ports":
        services = dict(by_name)
        servers = {name: services.pop(name) for name in ("kafka", "kafka_controller", "postgres")}
        return Ports(services, **servers)


def free_ports(count: int) -> list[int]:
    """Ports below the range that the kernel hands out to outgoing connections.

    A port of that range could be taken, while its server is down, by a client that tries to reach
    the server, even by connecting to itself; the server could then never come back.
    """
    candidates = random.sample(range(10_000, _first_ephemeral_port()), k=2_000)
    free = []
    for port in candidates:
        if is_free(port):
            free.append(port)
        if len(free) == count:
            return free
    raise StackError(f"found no {count} free ports on {LOOPBACK}")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: what is left of closed connections does not keep them from a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def require_free(ports: Mapping[str, int]) -> None:
    """Raises PortInUseError naming every port that is taken and the program that wants it."""
    busy = [(program, port) for program, port in ports.items() if not is_free(port)]
    if busy:
        raise PortInUseError(busy)


def _first_ephemeral_port() -> int:
    setting = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(setting.read_text().split()[0]) if setting.exists() else 32_768
    # Where the kernel may use nearly all ports there is nothing to stay clear of.
    return lowest if lowest >= 16_384 else 32_768  # noqa: PLR2004  # room for the sample above
