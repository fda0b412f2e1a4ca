"""How fast the monitor works off timers that are all due, while events come in.

The timers are those of promises whose time is over: leads that were routed some days ago. The
monitor reads their `lead.routed` and starts their clocks itself, so that states, timers and clocks
are its own; only, its gate is kept shut until it has read all of them, so that none fires earlier.
Then it is started anew, and works them off: each becomes a breach.

The measure is the same monitor's catch-up, on the same shards and the same tables: a backlog of
`lead.routed`, of which it passes over none.
"""

import itertools
from asyncio import TaskGroup
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg

from baton import cloudevents, identity, topics
from baton.cloudevents import Event, Message
from baton.events import EventData, LeadRouted
from baton_cli.service import ROUTING, SCORING, SLA_MONITOR
from tests.bench import leads
from tests.bench.catching_up import CaughtUp, catch_up, fill, work_off
from tests.bench.deployment import Deployment, deployed
from tests.bench.figures import Aim, Figure, NothingFoundError, Unit, percentiles
from tests.bench.setting import Setting
from tests.bench.trickle import Trickle
from tests.bench.usage import SERVERS

EVENTS_A_SECOND = 50
"""The events that come in while timers are worked off."""

TIMERS = f"{SLA_MONITOR}: due timers"
INPUTS = f"{SLA_MONITOR}: due timers and the events in between"
CATCH_UP = f"{SLA_MONITOR}: catch-up, all decided on"
ROLLBACKS = f"{SLA_MONITOR}: due timers: transactions rolled back"
_WAIT = f"{SLA_MONITOR}: an event among due timers"

AIMS = {INPUTS: Aim(at_least_floors=0.9), ROLLBACKS: Aim(less_than=1)}

_SAMPLES = 24
_OVERDUE = timedelta(days=5)
"""Longer than any break of the default policy's calendars, so that a promise of an hour is over."""
_SPREAD = timedelta(days=1)
_GATE_SHUT = {"BATON_TIMES__SETTLE": "86400", "BATON_TIMES__CATCH_UP": "86400"}
_GATE_OPEN = {"BATON_TIMES__SETTLE": "1"}
"""No intake runs whose spools might still have something."""


async def scenario(setting: Setting) -> AsyncIterator[Figure]:
    """The timers, with events in between; then the catch-up that they are measured by."""
    wanted, backlog = setting.sizes.timers, setting.sizes.backlog
    async with deployed(setting.stack, setting.profiles, shards=setting.sizes.shards) as deployment:
        samples = await _samples(deployment)
        setting.say(f"  {wanted:,} leads were routed days ago, and the monitor starts their clocks")
        begin = datetime.now(UTC) - _OVERDUE - _SPREAD
        overdue = _routed(samples, "overdue", begin, _SPREAD / wanted)
        await leads.write(deployment.kafka, itertools.islice(overdue, wanted))
        await catch_up(_with(deployment, _GATE_SHUT), SLA_MONITOR)
        setting.say(f"  their timers are worked off, with {EVENTS_A_SECOND} events/s in between")
        async for figure in _fire(_with(deployment, _GATE_OPEN), samples, wanted):
            yield figure
        setting.say(f"  a backlog of {backlog:,} leads on the same tables")
        await _settle_tables(deployment)
        fresh = _routed(samples, "backlog", datetime.now(UTC), timedelta())
        await leads.write(deployment.kafka, itertools.islice(fresh, backlog))
        caught = await catch_up(deployment, SLA_MONITOR)
        yield Figure(what=CATCH_UP, unit=Unit.EVENTS_A_SECOND, value=caught.rate)
        for figure in _costs(caught, "a decision then"):
            yield figure


async def _fire(
    deployment: Deployment, samples: Sequence[Event[EventData]], wanted: int
) -> AsyncIterator[Figure]:
    await _settle_tables(deployment)
    db = await asyncpg.connect(deployment.database_url)
    try:
        due = await db.fetchval("SELECT count(*) FROM sla_monitor.timer WHERE due_at <= now()")
        if due != wanted:
            raise NothingFoundError(f"{due} timers are due, not {wanted}")
        rolled_back = await db.fetchval(_ROLLED_BACK)
        deployment.start(SLA_MONITOR)
        events = _routed(samples, "between", datetime.now(UTC), timedelta())
        trickle = Trickle(deployment, SLA_MONITOR, topics.LEAD_ROUTED, events)
        async with TaskGroup() as tasks:
            tasks.create_task(trickle.run(EVENTS_A_SECOND))
            found = await work_off(deployment, db, SLA_MONITOR, "timer", wanted)
            trickle.stop()
        # A session tells PostgreSQL of its transactions at its end at the latest.
        deployment.stop(SLA_MONITOR)
        rolled_back = await db.fetchval(_ROLLED_BACK) - rolled_back
        breaches = await db.fetchval(
            "SELECT count(*) FROM sla_monitor.clock WHERE state='breached'"
        )
        if breaches != wanted:
            raise NothingFoundError(f"{wanted} timers have told of {breaches} breaches")
    finally:
        await db.close()
    yield Figure(what=TIMERS, unit=Unit.TIMERS_A_SECOND, value=found.rate)
    # The trickle has seen to it that each event is committed.
    inputs = found.rate + EVENTS_A_SECOND
    yield Figure(what=INPUTS, unit=Unit.INPUTS_A_SECOND, value=inputs, floor=CATCH_UP)
    for figure in _costs(found, "a due timer"):
        yield figure
    yield Figure(what=ROLLBACKS, unit=Unit.TRANSACTIONS, value=rolled_back)
    for figure in percentiles(_WAIT, trickle.waits):
        yield figure
    yield Figure(what=f"{_WAIT}: longest", unit=Unit.MS, value=max(trickle.waits) * 1000)


_ROLLED_BACK = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"


def _costs(found: CaughtUp, each: str) -> Iterator[Figure]:
    for process in (SLA_MONITOR.schema, *SERVERS):
        cost = found.used.cpu[process] * 1000 / found.counted.inputs
        yield Figure(what=f"{SLA_MONITOR}: {process}, {each}", unit=Unit.MS_CPU, value=cost)


def _with(deployment: Deployment, settings: dict[str, str]) -> Deployment:
    return replace(deployment, told={**deployment.told, **settings})


async def _samples(deployment: Deployment) -> Sequence[Event[EventData]]:
    """A few assignments that routing has made, for copies that are as large as real ones."""
    await fill(deployment, _SAMPLES, "samples")
    for service in (SCORING, ROUTING):
        await catch_up(deployment, service)
    messages = [message async for message in leads.read(deployment.kafka, topics.LEAD_ROUTED)]
    events = [cloudevents.decode(each.key, each.value, each.headers) for each in messages]
    return [event for event in events if isinstance(event.data, LeadRouted)]


def _routed(
    samples: Sequence[Event[EventData]], name: str, begin: datetime, step: timedelta
) -> Iterator[Message]:
    """The samples again and again, each time of another lead, and a `step` later."""
    for number, sample in enumerate(itertools.cycle(samples)):
        lead_id = identity.named_id("bench", name, str(number))
        at = begin + number * step
        data = sample.data.model_copy(
            update={
                "lead_id": lead_id,
                "occurred_at": at,
                "assignment_id": identity.named_id("bench", name, str(number), "assignment"),
                "decision_id": identity.named_id("bench", name, str(number), "decision"),
            }
        )
        yield cloudevents.encode(
            replace(
                sample,
                id=identity.following_id(lead_id, at, data.event_type, 0),
                time=at,
                subject=str(lead_id),
                data=data,
            )
        )


async def _settle_tables(deployment: Deployment) -> None:
    """Vacuum the tables, so that filling them does not slow down the measurement.

    No process may be running.
    """
    db = await asyncpg.connect(deployment.database_url)
    try:
        await db.execute("VACUUM ANALYZE")
        await db.execute("CHECKPOINT")
    finally:
        await db.close()
