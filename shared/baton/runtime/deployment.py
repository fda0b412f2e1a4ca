"""Whether the schema, the topics and the settings fit together."""

from collections.abc import Mapping

import asyncpg

from baton.database import connection
from baton.runtime.errors import DeploymentError
from baton.settings import ServiceSettings


async def check_deployment(
    settings: ServiceSettings, pool: asyncpg.Pool, found: Mapping[str, int | None]
) -> None:
    """Compare what was fixed when the schema was empty with what is found now.

    `found` has the partitions of each topic of the subscription by its full name. The first process
    on an empty schema fixes the number of shards and the clock. Raises DeploymentError.
    """
    missing = [name for name, count in found.items() if not count]
    if missing:
        msg = f"Kafka has no topic {', '.join(missing)}: run `baton topics apply`"
        raise DeploymentError(msg)
    async with connection(pool) as db, db.transaction():
        # One at a time, beside whoever only reads: a backup does, for as long as it takes.
        await db.execute("LOCK TABLE deployment IN EXCLUSIVE MODE")
        row = await db.fetchrow("SELECT shards, clock FROM deployment")
        if row is None:
            await _fix(db, settings)
            shards, clock = settings.partitions, settings.clock
        else:
            shards, clock = row["shards"], row["clock"]
        _compare(settings, found, shards, clock)


async def _fix(db: asyncpg.Connection, settings: ServiceSettings) -> None:
    await db.execute(
        "INSERT INTO deployment (shards, clock) VALUES ($1, $2)",
        settings.partitions,
        settings.clock,
    )
    await db.execute(
        "INSERT INTO shard (shard) SELECT generate_series(0, $1 - 1)", settings.partitions
    )
    await db.execute("INSERT INTO inbox_turn (current, since) VALUES (0, now())")
    await db.execute("INSERT INTO breaker DEFAULT VALUES")
    await db.execute(
        "INSERT INTO policy_in_force (activations) VALUES ('[]') ON CONFLICT DO NOTHING"
    )


def _compare(
    settings: ServiceSettings, found: Mapping[str, int | None], shards: int, clock: str
) -> None:
    if clock != settings.clock:
        msg = (
            f"the schema was made for the {clock} clock, and BATON_CLOCK says {settings.clock}. "
            "A schema keeps its clock: set BATON_CLOCK back, or use an empty database."
        )
        raise DeploymentError(msg)
    for name, count in found.items():
        if count != shards:
            msg = (
                f"{name} has {count} partitions, and the database has seen {shards} shards. Their "
                "number is fixed for a deployment's life: see 'Shards' in docs/operations.md."
            )
            raise DeploymentError(msg)
    if settings.partitions != shards:
        msg = (
            f"BATON_PARTITIONS is {settings.partitions}, and the database has seen {shards} "
            f"shards: set it to {shards}."
        )
        raise DeploymentError(msg)
