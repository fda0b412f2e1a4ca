"""Servers that somebody else runs, named by the environment."""

import os
from dataclasses import dataclass

FROM_STACK = "BATON_LOCAL_STACK"
"""Set by a stack's `env` file, whose addresses are that stack's own and not a wish for another."""


@dataclass(frozen=True, slots=True)
class GivenServers:
    kafka_bootstrap: str | None
    server_url: str | None


def given_servers() -> GivenServers:
    """BATON_KAFKA_BOOTSTRAP_SERVERS and BATON_DATABASE_URL, where they were set by hand."""
    if FROM_STACK in os.environ:
        return GivenServers(None, None)
    return GivenServers(
        kafka_bootstrap=os.environ.get("BATON_KAFKA_BOOTSTRAP_SERVERS") or None,
        server_url=os.environ.get("BATON_DATABASE_URL") or None,
    )
