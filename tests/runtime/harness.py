"""Processes of the toy counter service, on real Kafka and PostgreSQL, all in one event loop."""

import asyncio
import contextlib
import gc
import itertools
import json
import threading
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from prometheus_client import CollectorRegistry
from pydantic import JsonValue, SecretStr
from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from baton import activation, cloudevents, database, identity, kafka, topics
from baton.cloudevents import Event
from baton.database import connection
from baton.events import (
    EventData,
    FollowupType,
    LeadCaptured,
    LeadErased,
    LeadFollowup,
    LeadScored,
    Profile,
    SubjectEvent,
)
from baton.metrics import RuntimeMetrics
from baton.policy.bundle import Bundle
from baton.policy.definitions import DEFINITIONS
from baton.policy_sections import policy_sections
from baton.runtime import tables
from baton.runtime.batch import Batch, Item
from baton.runtime.batch_transaction import BatchTransaction
from baton.runtime.commands import Commands
from baton.runtime.dependencies import Dependencies, Service
from baton.runtime.group_session import GroupSession
from baton.runtime.inputs import Input
from baton.runtime.policies import Policies
from baton.runtime.runner import Runner
from baton.runtime.saving import Committed
from baton.runtime.status import Status
from baton.settings import ServiceSettings
from baton.subjects import Subject
from baton.times import Times
from baton.topics import Topic
from baton.tracing import Tracing
from tests.runtime.counter import SUBSCRIPTION, Count, CounterStore, Kept, decide
from tests.runtime.pools import Pool
from tests.sabotage.steps import runner_without

Found = TypeVar("Found")
SCHEMA = "counter"
PARTITIONS = 3
BUNDLE = Path(__file__).parents[2] / "deploy" / "policy"
PATIENCE = 60.0
USED = (*SUBSCRIPTION.topics, topics.POLICY, topics.OPERATIONS, topics.DEAD_LETTER)
QUICK = Times(
    heartbeat=timedelta(seconds=0.3),
    session=timedelta(seconds=1.5),
    rebalance=timedelta(seconds=20),
    drain=timedelta(seconds=18),
    publish=timedelta(seconds=5),
    shutdown=timedelta(seconds=20),
    lock=timedelta(seconds=0.5),
    idle_in_transaction=timedelta(seconds=5),
    statement=timedelta(seconds=8),
    transaction=timedelta(seconds=15),
    look=timedelta(seconds=0.2),
    settle=timedelta(seconds=1),
    catch_up=timedelta(seconds=20),
)


def settings_for(
    bootstrap: str,
    url: str,
    prefix: str,
    **changes: Any,
) -> ServiceSettings:
    return ServiceSettings(
        **{
            "kafka_bootstrap_servers": bootstrap,
            "database_url": SecretStr(url),
            "topic_prefix": prefix,
            "partitions": PARTITIONS,
            "api_token": SecretStr("t" * 16),
            "port": 0,
            "times": QUICK,
            **changes,
        }
    )


@dataclass(slots=True)
class Process:
    """One process of the counter service, as its main.py would put it together."""

    runner: Runner[Kept, None]
    store: CounterStore
    pool: asyncpg.Pool
    status: Status
    degraded: Status
    commands: Commands
    stop: asyncio.Event
    registry: CollectorRegistry
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def running(self) -> asyncio.Task[None]:
        """The runner's task; done with an exception where the process would have ended."""
        return self.tasks[0]

    @property
    def ready(self) -> bool:
        return not self.status.reasons

    @property
    def reasons(self) -> str:
        """All reasons that the process gives in its readiness."""
        return " ".join((self.status.reasons | self.degraded.reasons).values())

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    async def end(self) -> None:
        """SIGTERM."""
        self.stop.set()
        await asyncio.wait(self.tasks[:1], timeout=PATIENCE)
        await self.kill()

    async def kill(self) -> None:
        """SIGKILL: nothing is finished, connections are cut."""
        self.pool.terminate()
        left = set(self.tasks)
        while left:
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=1)


async def start(
    settings: ServiceSettings,
    store: CounterStore | None = None,
    leave_out: Collection[str] = (),
    release: Mapping[str, Any] | None = None,
) -> Process:
    """Put a process together in the running loop; its runner leaves steps of the protocol out.

    `release` is what another release has otherwise: fields of its `Service`.
    """
    status, degraded = Status(), Status()
    registry, stop = CollectorRegistry(), asyncio.Event()
    pool = await database.pool(settings, SCHEMA, settings.times)
    store = store or CounterStore()
    usual = Service(SCHEMA, SUBSCRIPTION, store, decide, (DEFINITIONS,))
    service = replace(usual, **(release or {}))
    policies = Policies(settings, status, service.reads)
    metrics = RuntimeMetrics(registry)
    runner = runner_without(leave_out)(
        service, Dependencies(settings, pool, policies, status, degraded, metrics, Tracing(SCHEMA))
    )
    commands = Commands(SCHEMA, settings, pool, runner.wake)
    process = Process(runner, store, pool, status, degraded, commands, stop, registry)
    process.tasks = [
        asyncio.create_task(runner.run(stop)),
        asyncio.create_task(policies.feed(pool)),
        asyncio.create_task(commands.listen()),
    ]
    return process


@dataclass(slots=True)
class Stops:
    """Where a process on its own thread freezes: nothing of it moves until `thaw`."""

    before_opening: bool = False
    before_batch: Callable[[Batch], bool] = lambda _: False
    in_batch: Callable[[Sequence[Input]], bool] = lambda _: False
    frozen: threading.Event = field(default_factory=threading.Event)
    thawed: threading.Event = field(default_factory=threading.Event)
    batch_over: threading.Event = field(default_factory=threading.Event)

    def freeze(self) -> None:
        """Block the thread, and with it the loop: no heartbeat, no answer, nothing."""
        if not self.thawed.is_set():
            self.frozen.set()
            self.thawed.wait(PATIENCE)


class StoppableTransaction(BatchTransaction[Kept, None]):
    """The real one, which a test can freeze before a batch's transaction begins."""

    stops: Stops

    async def run(self, db: asyncpg.Connection, batch: Batch) -> None:
        stop = self.stops.before_batch(batch)
        if stop:
            self.stops.freeze()
        try:
            await super().run(db, batch)
        finally:
            if self.stops.frozen.is_set():
                self.stops.batch_over.set()


class StoppableSession(GroupSession[Kept, None]):
    """The real one, which a test can freeze before it opens what the group has assigned."""

    stops: Stops

    async def _open_assigned(self) -> None:
        stop = self.stops.before_opening and self._assigned is not None
        if stop:
            self.stops.freeze()
        await super()._open_assigned()
        if stop:
            self.stops.batch_over.set()


class Apart:
    """A process of the counter service on a thread of its own."""

    def __init__(
        self, settings: ServiceSettings, stops: Stops, leave_out: Collection[str] = ()
    ) -> None:
        self._settings = settings
        self._leave_out = leave_out
        self.stops = stops
        self._loop = asyncio.new_event_loop()
        self._process: Process | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._started.wait(PATIENCE)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._process = self._loop.run_until_complete(self._start())
        self._started.set()
        self._loop.run_forever()

    async def _start(self) -> Process:
        async def in_batch(_: asyncpg.Connection, given: Sequence[Input]) -> None:
            if self.stops.in_batch(given):
                self.stops.freeze()

        store = CounterStore(on_lock=in_batch)
        process = await start(self._settings, store, self._leave_out)
        runner = process.runner
        transaction: Any = self._stoppable(StoppableTransaction, runner.parts.transaction)
        runner.parts = replace(runner.parts, transaction=transaction)
        runner.session = self._stoppable(StoppableSession, runner.session)
        return process

    def _stoppable(self, stoppable: type[Any], part: type[Any]) -> type[Any]:
        """A subclass of a part, which may leave a step out."""
        bases = (stoppable,) if part in stoppable.__mro__ else (stoppable, part)
        return type(part.__name__, bases, {"stops": self.stops})

    async def end(self) -> None:
        """Thaw what is frozen, and kill."""
        self.stops.thawed.set()
        if self._process is not None:
            killing = asyncio.run_coroutine_threadsafe(self._process.kill(), self._loop)
            await asyncio.wrap_future(killing)
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, PATIENCE)
        self._loop.close()
        # What was killed has left its connections as they were; nobody is to blame for that.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


@dataclass(slots=True)
class World:
    """Kafka, PostgreSQL and what the tests ask of them."""

    settings: ServiceSettings
    producer: AIOKafkaProducer
    db: asyncpg.Connection
    processes: list[Process] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def lead(self, shard: int = 0) -> UUID:
        """The id of a new lead that belongs to a shard."""
        while True:
            lead_id = identity.named_id("lead", str(next(self.numbers)))
            if identity.shard_of(str(lead_id).encode(), PARTITIONS) == shard:
                return lead_id

    async def start(
        self,
        store: CounterStore | None = None,
        *,
        leave_out: Collection[str] = (),
        release: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Process:
        """Start a process; `changes` are settings, `release` fields of its `Service`."""
        settings = self.settings.model_copy(update=changes)
        process = await start(settings, store, leave_out, release)
        self.processes.append(process)
        return process

    def start_apart(
        self, stops: "Stops", *, leave_out: Collection[str] = (), **changes: Any
    ) -> "Apart":
        """Start a process on a thread of its own, which can be frozen as a whole."""
        return Apart(self.settings.model_copy(update=changes), stops, leave_out)

    async def put(self, data: EventData, *, key: UUID | None = None, **changes: Any) -> UUID:
        """Write an event to its topic as another service would; returns its id."""
        subject = key or (data.about.id if isinstance(data, SubjectEvent) else None)
        number = next(self.numbers)
        now = datetime.now(UTC)
        event = Event(
            **{
                "id": identity.following_id(identity.named_id(str(number)), now, "test", 0),
                "source": "/test",
                "time": now,
                "subject": str(subject),
                "data": data,
                **changes,
            }
        )
        await self.put_record(data.topic, cloudevents.encode(event))
        return event.id

    async def arm(
        self, lead_id: UUID, due_in: timedelta, *, accuses: bool = False, name: str = "t"
    ) -> None:
        """Set a lead's timer, as a decision of before would have."""
        subject = Subject.lead(lead_id)
        await self.db.execute(
            """
            INSERT INTO timer (subject_kind, subject_id, name, shard, due_at, accuses, version)
            VALUES ('lead', $1, $2, $3, now() + $4, $5, 1)
            """,
            lead_id,
            name,
            subject.shard(PARTITIONS),
            due_in,
            accuses,
        )

    async def keep(self, lead_id: UUID, state: str) -> None:
        """Put a lead's state, as JSON."""
        await self.db.execute(
            """
            INSERT INTO subject (kind, id, shard, version, state, sequences)
            VALUES ('lead', $1, $2, 1, $3, '{}')
            """,
            lead_id,
            Subject.lead(lead_id).shard(PARTITIONS),
            state,
        )

    async def leave_command(self, lead_id: UUID, kind: str, body: JsonValue = None) -> None:
        """Write a command, and wake no process."""
        await self.db.execute(
            """
            INSERT INTO command (id, shard, subject_kind, subject_id, kind, body, version, made_at)
            VALUES (gen_random_uuid(), $1, 'lead', $2, $3, $4, 1, now())
            """,
            Subject.lead(lead_id).shard(PARTITIONS),
            lead_id,
            kind,
            json.dumps(body),
        )

    async def row(self, query: str) -> asyncpg.Record:
        """The one row of a query."""
        row = await self.db.fetchrow(query)
        assert row is not None
        return row

    async def put_record(
        self, topic: Topic, message: cloudevents.Message, partition: int | None = None
    ) -> None:
        if partition is None:
            partition = identity.shard_of(message.key, PARTITIONS)
        await self.producer.send_and_wait(
            kafka.topic_name(self.settings, topic),
            value=message.value,
            key=message.key,
            headers=list(message.headers),
            partition=partition,
        )

    async def state(self, lead_id: UUID) -> Count | None:
        text = await self.db.fetchval(
            "SELECT state FROM subject WHERE kind = 'lead' AND id = $1", lead_id
        )
        return None if text is None else Count.model_validate_json(text)

    async def pool(self, subject: Subject) -> Pool | None:
        text = await self.db.fetchval(
            "SELECT state FROM subject WHERE kind = $1 AND id = $2", subject.kind, subject.id
        )
        return None if text is None else Pool.model_validate_json(text)

    async def pooled(self, subject: Subject, what: Callable[[Pool], bool]) -> Pool:
        """Wait until a pool is as wanted."""

        async def look() -> Pool | None:
            found = await self.pool(subject)
            return found if found is not None and what(found) else None

        return await eventually(look)

    async def counted(self, lead_id: UUID, what: Callable[[Count], bool]) -> Count:
        """Wait until a lead's count is as wanted."""

        async def look() -> Count | None:
            count = await self.state(lead_id)
            return count if count is not None and what(count) else None

        return await eventually(look)

    async def told(self, topic: Topic = topics.LEAD_SCORED) -> list[Event[EventData]]:
        """Every event on a topic, by partition in the order of the log, copies included."""
        name = kafka.topic_name(self.settings, topic)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers, enable_auto_commit=False
        )
        await consumer.start()
        try:
            count = kafka.partition_count(self.settings, topic)
            places = [TopicPartition(name, n) for n in range(count)]
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            ends = await consumer.end_offsets(places)
            found = []
            for place in places:
                while await consumer.position(place) < ends[place]:
                    records = await consumer.getmany(place, timeout_ms=1000)
                    found += records.get(place, [])
            return [cloudevents.decode(r.key, r.value, r.headers) for r in found]
        finally:
            await consumer.stop()

    async def settled(self, topic: Topic = topics.LEAD_CAPTURED) -> None:
        """Wait until positions are at the end of a topic, and the outbox is empty."""
        name = kafka.topic_name(self.settings, topic)
        places = [TopicPartition(name, n) for n in range(PARTITIONS)]
        consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka_bootstrap_servers)
        await consumer.start()
        ends = await consumer.end_offsets(places)
        await consumer.stop()

        async def look() -> bool:
            rows = await self.db.fetch(
                "SELECT shard, next_offset FROM position WHERE topic = $1", topic.name
            )
            at = {row["shard"]: row["next_offset"] for row in rows}
            reached = all(at.get(p.partition, 0) >= end for p, end in ends.items())
            return reached and not await self.db.fetchval("SELECT count(*) FROM outbox")

        await eventually(look)


async def apply(world: World, process: Process, items: Sequence[Item]) -> None:
    """Have the process apply a batch of these items of shard 0 as one of its own."""

    async def committed(_: Committed) -> None:
        pass

    runner = process.runner
    parts, service, needs = runner.parts, runner.service, runner.dependencies
    deciding = parts.deciding(service, needs.tracing, PARTITIONS)
    saving = parts.saving(service, needs.settings)
    transaction = parts.transaction(service, needs, deciding, saving, committed)
    async with connection(process.pool) as db:
        epoch = await db.fetchval("SELECT epoch FROM shard WHERE shard = 0")
        await transaction.run(db, Batch(items, {0: epoch}, {}, {}))


async def eventually(
    look: Callable[[], Awaitable[Found | None]], within: float = PATIENCE
) -> Found:
    """Look until there is something; TimeoutError after a generous time."""
    async with asyncio.timeout(within):
        while not (found := await look()):  # noqa: ASYNC110 - it is in Kafka or PostgreSQL
            await asyncio.sleep(0.02)
    return found


def captured(lead_id: UUID) -> LeadCaptured:
    now = datetime.now(UTC)
    return LeadCaptured(
        lead_id=lead_id,
        occurred_at=now,
        received_at=now,
        profile=Profile(brand="b", source="s"),
    )


def followup(lead_id: UUID, **answers: JsonValue) -> LeadFollowup:
    now = datetime.now(UTC)
    return LeadFollowup(
        lead_id=lead_id,
        occurred_at=now,
        received_at=now,
        source="s",
        type=FollowupType.NOTE,
        answers=answers,
    )


def erased(lead_id: UUID, at: datetime | None = None) -> LeadErased:
    return LeadErased(
        lead_id=lead_id,
        occurred_at=at or datetime.now(UTC),
        requested_by="privacy",
        why="asked for",
    )


def totals(told: list[Event[EventData]], lead_id: UUID) -> list[int]:
    """`score.total` of what was told of a lead, in the order of the log."""
    return [
        event.data.score.total
        for event in told
        if isinstance(event.data, LeadScored) and event.data.lead_id == lead_id
    ]


async def make_schema(url: str) -> None:
    metadata = MetaData()
    tables.define(metadata)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
    db = await asyncpg.connect(url)
    await db.execute(f"CREATE SCHEMA {SCHEMA}; SET search_path = {SCHEMA}")
    for table in metadata.sorted_tables:
        await db.execute(str(CreateTable(table).compile(dialect=dialect)))
        for index in table.indexes:
            await db.execute(str(CreateIndex(index).compile(dialect=dialect)))
    await db.execute("CREATE TABLE amount (lead_id uuid, amount smallint)")
    await db.close()


@cache
def _bundle() -> Bundle:
    return Bundle.read(BUNDLE, policy_sections())


@contextlib.asynccontextmanager
async def deployment(bootstrap: str, url: str, prefix: str) -> AsyncIterator[World]:
    """A deployment of the counter service, with a policy in force and no process yet."""
    settings = settings_for(bootstrap, url, prefix)
    await make_schema(url)
    await kafka.apply_topics(settings, USED)
    await activation.activate(settings, _bundle(), None, "test", "test")
    producer = kafka.producer(settings)
    await producer.start()
    db = await asyncpg.connect(url, server_settings={"search_path": SCHEMA})
    world = World(settings, producer, db)
    try:
        yield world
    finally:
        for process in world.processes:
            await process.kill()
        await producer.stop()
        await db.close()
