"""A bundle is put in force while the batches of a service follow each other without a gap."""

import asyncio
from collections import Counter

import asyncpg

from baton import activation, database
from baton.database import connection
from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from baton.runtime.activations import parse_activations
from baton.runtime.fence import fence
from tests.runtime.harness import BUNDLE, SCHEMA, World, eventually
from tests.runtime.scenery import ready

PROCESSES = 4
ROUNDS = 3


async def test_an_activation_gets_in_between_batches_that_overlap(world: World) -> None:
    await ready(await world.start())
    pool = await database.pool(world.settings, SCHEMA, world.settings.times)
    done: Counter[int] = Counter()
    batches = asyncio.gather(*(_batches(pool, number, done) for number in range(PROCESSES)))

    async def all_have_worked() -> bool:
        return all(done[number] >= ROUNDS for number in range(PROCESSES))

    async def in_force() -> bool:
        text = await world.db.fetchval("SELECT activations FROM policy_in_force")
        return len(parse_activations(text)) == 2

    try:
        await eventually(all_have_worked)
        await activation.activate(
            world.settings, Bundle.read(BUNDLE, policy_sections()), None, "test", "anew"
        )
        await eventually(in_force)
        assert not batches.done()
    finally:
        batches.cancel()
        await asyncio.gather(batches, return_exceptions=True)
        pool.terminate()


async def _batches(pool: asyncpg.Pool, number: int, done: Counter[int]) -> None:
    """What the database sees of a process that always has work: it never rests between batches."""
    async with connection(pool) as db:
        while True:
            async with db.transaction():
                await fence(db, [], [], [], 1)
                await db.execute("SELECT pg_sleep($1)", 0.2 + number / 100)
            done[number] += 1
