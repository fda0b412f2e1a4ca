"""The service and the parts of the process that a runner depends on."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

import asyncpg

from baton.metrics import RuntimeMetrics
from baton.policy.bundle import Bundle
from baton.policy.section import Section
from baton.runtime.decisions import Decide, Shared, State
from baton.runtime.inputs import Subscription
from baton.runtime.policies import Policies
from baton.runtime.ports import Store
from baton.runtime.status import Status
from baton.settings import ServiceSettings
from baton.subjects import Subject
from baton.tracing import Tracing


@dataclass(frozen=True)
class Service(Generic[State, Shared]):
    """A service as the runner sees it; its name is that of its group and of its schema too.

    `reads` are the sections of the policy that its decisions and its API ask. It parses no others,
    so nothing else in a bundle can keep it from deciding.

    `version` is the newest version of states, timers and commands that this release knows. A
    release that adds a field, a timer or a command raises it by one and writes it with each of
    these (`Store.version`, `Arm.version`, `Ask.version`), because the release before does not know
    them.

    `subjects` names the subjects that get one command (`ACTIVATION`) when a bundle takes effect.
    `kind_versions` has the first version that knows a kind of subject, where that is not 1.
    """

    name: str
    subscription: Subscription
    store: Store[State, Shared]
    decide: Decide[State, Shared]
    reads: tuple[Section[Any], ...] = ()
    version: int = 1
    subjects: Callable[[Bundle], Iterable[Subject]] | None = None
    kind_versions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The parts of the process that its runner uses.

    `degraded` has what keeps some of the work from being done and not the rest, such as a shard
    that is closed.
    """

    settings: ServiceSettings
    pool: asyncpg.Pool
    policies: Policies
    status: Status
    degraded: Status
    metrics: RuntimeMetrics
    tracing: Tracing
