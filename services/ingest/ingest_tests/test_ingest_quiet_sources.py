"""A source that goes quiet is told of once, by one of the processes, until it is heard again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from baton import topics
from baton.events import OperationsEvent, SourceQuiet, SourceResumed
from baton.policy.bundle import Bundle
from ingest.features.quiet_sources.arrivals import Arrival, ArrivalLog
from ingest.features.quiet_sources.monitor import Listening
from ingest.features.quiet_sources.rhythm import LEARNT_FROM
from ingest.features.quiet_sources.store import Arrivals
from ingest.metrics import IngestMetrics
from ingest.publish.publisher import Publisher
from ingest.publish.spool import Spool, SpoolBounds
from ingest.publish.spool_store import SpoolTable
from ingest.settings import Settings
from ingest_tests.harness import NOW, Process, running

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Ears:
    """The listening of one process, at times that the test sets."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.clock = process.clock
        self.registry = CollectorRegistry()
        self.hearing = ArrivalLog(process.clock)
        metrics = IngestMetrics(self.registry)
        table = SpoolTable(process.pool, process=uuid4())
        spool = Spool(table, MINUTE, SpoolBounds(rows=1_000, bytes=10**9))
        shards = process.settings.partitions
        self.listening = Listening(
            self.hearing,
            Arrivals(process.pool),
            Publisher(process.circuit, spool, shards, process.clock, metrics),
            process.policy.in_force,
            process.clock,
            metrics,
        )

    async def look_at(self, now: datetime) -> None:
        self.clock.now = now
        await self.listening.look()

    def is_quiet(self, source: str) -> float | None:
        return self.registry.get_sample_value("baton_source_quiet", {"source": source})


@pytest.fixture
async def ears(settings_of_its_own: Settings, bundle: Bundle) -> AsyncIterator[Ears]:
    """Nobody has heard anything yet, and nobody listens by himself."""
    async with running(settings_of_its_own, bundle, without="arrivals") as process:
        await process.pool.execute("TRUNCATE source_hour, source_quiet, source_listening")
        await process.circuit.closed.wait()
        yield Ears(process)


async def heard_hourly(process: Process, source: str, until: datetime) -> None:
    """Every ten minutes since weeks."""
    hours = LEARNT_FROM // HOUR
    begins = until.replace(minute=0) - hours * HOUR
    minutes = sum(1 << minute for minute in range(0, 60, 10))
    await Arrivals(process.pool).add(
        [
            Arrival(source, begins + n * HOUR, minutes, begins + n * HOUR + 50 * MINUTE)
            for n in range(hours)
        ]
    )


async def told(process: Process, source: str) -> Sequence[OperationsEvent]:
    """What was told of a source, each id once."""
    found = {event.id: event.data for event in await process.events(topics.OPERATIONS)}
    events = [data for data in found.values() if isinstance(data, OperationsEvent)]
    return [data for data in events if data.subject == source]


async def listened(ears: Ears, since: datetime, until: datetime) -> None:
    while since < until:
        await ears.look_at(since)
        since += 4 * MINUTE


async def test_a_silence_is_told_of_once_and_taken_back_when_the_source_is_heard(
    ears: Ears,
) -> None:
    await heard_hourly(ears.process, "crm", NOW)
    await listened(ears, NOW - HOUR, NOW + 15 * MINUTE)
    assert await told(ears.process, "crm") == []
    assert ears.is_quiet("crm") == 0
    await listened(ears, NOW + 15 * MINUTE, NOW + 60 * MINUTE)
    (quiet,) = await told(ears.process, "crm")
    assert isinstance(quiet, SourceQuiet)
    assert quiet.last_seen_at == NOW - 10 * MINUTE
    assert quiet.usual_seconds == 600
    assert ears.is_quiet("crm") == 1
    ears.hearing.count_arrival("crm")
    await ears.look_at(NOW + 64 * MINUTE)
    _, resumed = await told(ears.process, "crm")
    assert isinstance(resumed, SourceResumed)
    assert resumed.quiet_since == NOW - 10 * MINUTE
    assert ears.is_quiet("crm") == 0
    await listened(ears, NOW + 64 * MINUTE, NOW + 128 * MINUTE)
    assert len(await told(ears.process, "crm")) == 3


async def test_of_several_processes_one_tells(ears: Ears) -> None:
    await heard_hourly(ears.process, "website", NOW)
    others = [Ears(ears.process) for _ in range(3)]
    await listened(ears, NOW - HOUR, NOW + HOUR)
    ears.clock.now = NOW + HOUR
    await asyncio.gather(*(each.listening.look() for each in (ears, *others)))
    events = [
        event
        for event in await ears.process.events(topics.OPERATIONS)
        if event.subject == "website"
    ]
    assert len(events) == 1
    assert [each.is_quiet("website") for each in others] == [1, 1, 1]


async def test_while_nobody_listened_no_source_was_silent(ears: Ears) -> None:
    await heard_hourly(ears.process, "outlet", NOW)
    await ears.look_at(NOW)
    after_a_stop = NOW + 3 * HOUR
    await listened(ears, after_a_stop, after_a_stop + 30 * MINUTE)
    assert await told(ears.process, "outlet") == []
    await listened(ears, after_a_stop + 30 * MINUTE, after_a_stop + 60 * MINUTE)
    assert len(await told(ears.process, "outlet")) == 1


async def test_a_source_that_the_bundle_no_longer_has_is_not_waited_for(ears: Ears) -> None:
    await heard_hourly(ears.process, "gone", NOW)
    await listened(ears, NOW, NOW + 2 * HOUR)
    assert await told(ears.process, "gone") == []
    assert ears.is_quiet("gone") is None


async def test_what_several_processes_hear_is_one_rhythm_and_is_kept_for_as_long_as_it_serves(
    ears: Ears,
) -> None:
    other = Ears(ears.process)
    for minute, each in enumerate((ears, other, ears)):
        ears.clock.now = NOW + minute * MINUTE
        each.hearing.count_arrival("crm")
    await asyncio.gather(ears.listening.look(), other.listening.look())
    arrivals = Arrivals(ears.process.pool)
    (hour,) = await arrivals.hours("crm", NOW + HOUR)
    assert (hour.begins_at, hour.minutes) == (NOW, 0b111)
    assert (await arrivals.last_heard())["crm"] == NOW + 2 * MINUTE
    await ears.look_at(NOW + LEARNT_FROM + 2 * HOUR)
    assert await arrivals.hours("crm", NOW + HOUR) == []


async def test_an_hour_that_is_still_to_come_is_no_part_of_a_rhythm(ears: Ears) -> None:
    for hour in (NOW - HOUR, NOW, datetime(9999, 12, 31, 23, tzinfo=UTC)):
        await ears.process.pool.execute("INSERT INTO source_hour VALUES ($1, 'crm', 1, $1)", hour)
    found = await Arrivals(ears.process.pool).hours("crm", NOW)
    assert [each.begins_at for each in found] == [NOW - HOUR, NOW]


async def test_a_lead_a_webhook_and_a_batch_are_arrivals_and_what_is_refused_is_none(
    ears: Ears,
) -> None:
    process = ears.process
    lead = {"source": "website", "email": "a@example.com"}
    assert (await process.http.post("/v1/leads", json=lead)).status_code == 202
    line = b'{"source": "crm", "email": "a@example.com"}'
    assert (await process.http.post("/v1/leads/batch", content=line)).status_code == 202
    assert (await process.http.post("/v1/webhooks/hooks", content=b"{}")).status_code == 401
    heard = {each.source for each in process.hearing.take_all()}
    assert heard == {"website", "crm"}
