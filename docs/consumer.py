"""Who has which lead: a table kept from `lead-routed`, by what Baton's AsyncAPI document says.

python consumer.py 127.0.0.1:9092 leads.sqlite [TOPIC_PREFIX]
"""

import asyncio
import json
import sqlite3
import sys

from aiokafka import AIOKafkaConsumer, ConsumerRecord

TABLES = """
    CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS owner
        (lead TEXT PRIMARY KEY, rep TEXT, since TEXT NOT NULL, sequence TEXT NOT NULL);
"""
# The sequence has twenty digits, so that it can be compared as text.
OWNER = """
    INSERT INTO owner VALUES (?, ?, ?, ?) ON CONFLICT (lead) DO UPDATE
    SET rep = excluded.rep, since = excluded.since, sequence = excluded.sequence
    WHERE excluded.sequence > owner.sequence
"""


def apply(db: sqlite3.Connection, record: ConsumerRecord) -> None:
    """Take in one record: once, and never an older one over a newer one."""
    headers = {name: value.decode() for name, value in record.headers if name.startswith("ce_")}
    if not db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (headers["ce_id"],)).rowcount:
        return
    data = json.loads(record.value)
    match headers["ce_type"]:
        case "baton.lead.routed.v1":
            rep = data["rep"]["id"]
        case "baton.lead.released.v1":
            rep = None
        case _:
            return  # another type, perhaps one that did not exist when this was written
    lead, sequence = headers["ce_subject"], headers["ce_sequence"]
    db.execute(OWNER, (lead, rep, data["occurred_at"], sequence))


async def main(bootstrap: str, file: str, prefix: str = "") -> None:
    """Follow the topic until stopped, from where the group was last, at first from its start."""
    db = sqlite3.connect(file)
    db.executescript(TABLES)
    consumer = AIOKafkaConsumer(
        f"{prefix}lead-routed",
        bootstrap_servers=bootstrap,
        group_id=f"{prefix}who-has-which-lead",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        while True:
            batches = await consumer.getmany(timeout_ms=1000)
            with db:  # one transaction: what was seen and what came of it
                for records in batches.values():
                    for record in records:
                        apply(db, record)
            # Only now: whatever ends this program when, nothing is lost, and `seen` knows the rest.
            if batches:
                await consumer.commit()
    finally:
        await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
