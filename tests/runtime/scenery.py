"""What the scenarios of the protocol share: who holds, freezes, waits and looks."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from baton import cloudevents, identity, kafka
from baton.cloudevents import Event
from baton.topics import Topic
from tests.runtime.counter import Count, told
from tests.runtime.harness import (
    PARTITIONS,
    PATIENCE,
    QUICK,
    SCHEMA,
    Process,
    Stops,
    World,
    eventually,
)

Left = frozenset[str]
"""The steps that the process under test leaves out: none, or the one in question."""
IN_VAIN = 3.0
"""How long a scenario waits, where a step is left out, for what never comes then."""
PATIENT = QUICK.model_copy(update={"lock": timedelta(seconds=5)})
"""Times in which nobody ends the sessions of those who hold a lock for a moment."""


async def soon(look: Callable[[], Awaitable[bool]], left: Left) -> None:
    """Wait for what must come; not for long where a step is left out, since then it never does."""
    await eventually(look, IN_VAIN if left else PATIENCE)


async def frozen(stops: Stops) -> None:
    assert await asyncio.to_thread(stops.frozen.wait, 30)


async def woken(stops: Stops) -> None:
    stops.thawed.set()
    assert await asyncio.to_thread(stops.batch_over.wait, 30)


async def ready(process: Process) -> None:
    async def look() -> bool:
        return process.metric("baton_shards_open") == PARTITIONS

    await eventually(look)


async def first_stay(world: World) -> None:
    """A process that was there and has gone: the schema knows its shards."""
    process = await world.start()
    await ready(process)
    await process.end()


@contextlib.asynccontextmanager
async def holding(world: World, mode: str) -> AsyncIterator[asyncpg.Connection]:
    """A transaction, of somebody else's, that holds shard 0."""
    url = world.settings.database_url.get_secret_value()
    holder = await asyncpg.connect(url, server_settings={"search_path": SCHEMA})
    try:
        await holder.execute(f"BEGIN; SELECT FROM shard WHERE shard = 0 FOR {mode}")
        yield holder
        if not holder.is_closed():
            await holder.execute("COMMIT")
    finally:
        holder.terminate()


async def ended(process: Process, left: Left) -> BaseException | None:
    """Why the runner ended; fails where it does not."""
    within = IN_VAIN if left else PATIENCE
    done, _ = await asyncio.wait({process.running}, timeout=within)
    assert done, "the process lives on"
    return process.running.exception()


async def configure(world: World, topic: Topic, **config: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=world.settings.kafka_bootstrap_servers)
    await admin.start()
    name = kafka.topic_name(world.settings, topic)
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, config)])
    await admin.close()


async def delete(world: World, topic: Topic) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=world.settings.kafka_bootstrap_servers)
    await admin.start()
    await admin.delete_topics([kafka.topic_name(world.settings, topic)])
    await admin.close()


async def deferred_at_commit(world: World, body: str) -> None:
    """Have PostgreSQL run `body` while it commits a transaction that wrote an amount."""
    await world.db.execute(
        f"""
        CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN {body}; RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON amount
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit();
        """
    )


def outbox_row(lead_id: UUID) -> tuple[object, ...]:
    """What a predecessor told of a lead, as its outbox has it."""
    event = Event(
        id=identity.named_id("left", str(lead_id)),
        source="/baton/counter",
        time=datetime.now(UTC),
        subject=str(lead_id),
        data=told(lead_id, datetime.now(UTC), Count(captured=1)),
        sequence=1,
    )
    message = cloudevents.encode(event)
    headers = json.dumps([[name, value.decode()] for name, value in message.headers])
    return (event.id, message.topic, message.key, headers, message.value)


INSERT_OUTBOX = """
    INSERT INTO outbox (shard, event_id, topic, key, headers, value) VALUES (0, $1, $2, $3, $4, $5)
"""
