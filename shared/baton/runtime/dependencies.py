"""What a runner is put together from."""

from dataclasses import dataclass
from typing import Any, Generic

import asyncpg

from baton.metrics import RuntimeMetrics
from baton.policy.section import Section
from baton.runtime.inputs import Decide, Shared, State, Subscription
from baton.runtime.policies import Policies
from baton.runtime.ports import Store
from baton.runtime.status import Status
from baton.settings import ServiceSettings
from baton.tracing import Tracing


@dataclass(frozen=True)
class Service(Generic[State, Shared]):
    """What makes a service this one; its name is that of its group and of its schema too.

    `reads` are the sections of the policy that its decisions and its API ask. It parses no others,
    so nothing else in a bundle can keep it from deciding.
    """

    name: str
    subscription: Subscription
    store: Store[State, Shared]
    decide: Decide[State, Shared]
    reads: tuple[Section[Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a process gives to its runner."""

    settings: ServiceSettings
    pool: asyncpg.Pool
    policies: Policies
    status: Status
    metrics: RuntimeMetrics
    tracing: Tracing
