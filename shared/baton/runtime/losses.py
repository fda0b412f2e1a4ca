"""Records that Kafka no longer has, or that can't be read: an operator accepts their loss."""

import asyncpg
from pydantic import BaseModel

from baton import kafka, topics
from baton.database import connection
from baton.problems import Problem
from baton.settings import ServiceSettings


class Loss(BaseModel):
    """Records that were given up, from an offset (included) to another (excluded)."""

    shard: int
    topic: str
    from_offset: int
    to_offset: int


async def accept(
    pool: asyncpg.Pool,
    settings: ServiceSettings,
    place: tuple[int, str],
    by: str,
    why: str,
    *,
    upto: int | None = None,
) -> Loss:
    """Move the position of a partition (shard and topic) to where Kafka's log begins or ends.

    With `upto` it is moved to that offset, over the one record before it, at which it stands: so no
    record is passed over that could still be applied. Raises Problem where there is no such
    position, where it stands elsewhere, or where nothing is missing.
    """
    shard, topic_name = place
    topic = next((t for t in topics.ALL if t.name == topic_name and t.sharded), None)
    if topic is None:
        raise Problem(404, "No such topic", f"{topic_name} is no topic of leads.", "topic")
    begin, end = await kafka.offset_range(settings, topic, shard)
    async with connection(pool) as db, db.transaction():
        # A raise of the epoch, so that nobody who believes to own the shard goes on behind it.
        await db.execute("UPDATE shard SET epoch = epoch + 1 WHERE shard = $1", shard)
        at = await db.fetchval(
            "SELECT next_offset FROM position WHERE shard = $1 AND topic = $2", shard, topic_name
        )
        if not 0 <= shard < settings.partitions:
            raise Problem(404, "No such shard", f"There is no shard {shard}.", "shard")
        if at is None:
            at = begin  # nothing was read of it yet
        to = _destination(at, begin, end) if upto is None else _checked(upto, at, end)
        await db.execute(
            """
            INSERT INTO position (shard, topic, next_offset) VALUES ($1, $2, $3)
            ON CONFLICT (shard, topic) DO UPDATE SET next_offset = excluded.next_offset
            """,
            shard,
            topic_name,
            to,
        )
        await db.execute(
            """
            INSERT INTO accepted_loss (shard, topic, from_offset, to_offset, at, by, why)
            VALUES ($1, $2, $3, $4, now(), $5, $6)
            """,
            shard,
            topic_name,
            at,
            to,
            by,
            why,
        )
    return Loss(shard=shard, topic=topic_name, from_offset=at, to_offset=to)


def _destination(at: int, begin: int, end: int) -> int:
    if begin <= at <= end:
        detail = (
            f"It stands at {at}, and Kafka has {begin} to {end}. To pass over a record that can't "
            "be read, name the offset behind it (upto)."
        )
        raise Problem(409, "Nothing is missing", detail)
    return begin if at < begin else end


def _checked(upto: int, at: int, end: int) -> int:
    if upto != at + 1 or upto > end:
        detail = (
            f"It stands at {at}, and the topic ends at {end}. Only the record at which it stands "
            f"is passed over (upto {at + 1}): what comes before another can still be applied."
        )
        raise Problem(409, "It does not stand there", detail, "upto")
    return upto
