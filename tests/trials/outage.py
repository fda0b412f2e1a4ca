"""Leads go on coming while servers are dead; every one that was taken must take effect once."""

import argparse
import asyncio
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console

from baton import cloudevents, kafka, topics
from baton.times import Times
from baton_cli.service import INGEST, SCORING
from baton_local.stack import KAFKA, POSTGRES, Stack
from tests.bench import leads
from tests.bench.client import Client
from tests.bench.deployment import Deployment, deployed, servers

OUTAGES: Mapping[str, Sequence[str]] = {
    "Kafka": (KAFKA,),
    "PostgreSQL": (POSTGRES,),
    "Kafka and PostgreSQL": (KAFKA, POSTGRES),
}
STRICTEST_SENDER_S = 3.0
CHAINS = 8
_BETWEEN_LINKS_S = 0.2
_PATIENCE_S = 600


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sender heard; `status` is 0 where it heard nothing."""

    status: int
    seconds: float
    state: str = ""
    lead_id: str = ""
    event_id: str = ""


@dataclass(slots=True)
class Sent:
    """All that was answered. A chain's leads are of one person, each sent after the last answer."""

    answers: list[Answer] = field(default_factory=list)
    chains: list[list[Answer]] = field(default_factory=lambda: [[] for _ in range(CHAINS)])

    @property
    def everything(self) -> list[Answer]:
        return [*self.answers, *(each for chain in self.chains for each in chain)]

    @property
    def taken(self) -> list[Answer]:
        return [answer for answer in self.everything if answer.status == 202]


@asynccontextmanager
async def sending(deployment: Deployment, rate: float) -> AsyncIterator[Sent]:
    """So many leads a second, however slowly they are answered, for the time of the block."""
    sent = Sent()
    headers = {"Authorization": f"Bearer {deployment.told['BATON_API_TOKEN']}"}
    async with Client(deployment.url(INGEST), headers) as http:
        enough = asyncio.Event()
        running: set[asyncio.Task[None]] = set()

        async def flow() -> None:
            began = time.monotonic()
            for number in count():
                await asyncio.sleep(began + number / rate - time.monotonic())
                if enough.is_set():
                    return

                async def one(body: bytes) -> None:
                    sent.answers.append(await _send(http, body))

                task = asyncio.create_task(one(leads.body("flow", number)))
                running.add(task)
                task.add_done_callback(running.discard)

        async def chain(which: int) -> None:
            for number in count():
                if enough.is_set():
                    return
                person = json.loads(leads.body(f"chain-{which}", 0))
                body = json.dumps(person | {"delivery_id": f"chain-{which}-{number}"}).encode()
                sent.chains[which].append(await _send(http, body))
                await asyncio.sleep(_BETWEEN_LINKS_S)

        senders = [
            asyncio.create_task(flow()),
            *(asyncio.create_task(chain(n)) for n in range(CHAINS)),
        ]
        try:
            yield sent
        finally:
            enough.set()
            await asyncio.gather(*senders, *running)


async def _send(http: Client, body: bytes) -> Answer:
    began = time.monotonic()
    try:
        answer = await http.post("/v1/leads", body)
    except OSError:
        return Answer(0, time.monotonic() - began)
    told = json.loads(answer.body) if answer.status == 202 else {}
    return Answer(answer.status, time.monotonic() - began, **told)


async def on_topic(deployment: Deployment) -> list[str]:
    """The ids of captured leads, by partition in their order."""
    consumer: AIOKafkaConsumer = kafka.reader(deployment.kafka, Times())
    await consumer.start()
    try:
        name = kafka.topic_name(deployment.kafka, topics.LEAD_CAPTURED)
        places = [TopicPartition(name, n) for n in range(deployment.kafka.partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(places)
        found: dict[TopicPartition, list[str]] = {place: [] for place in places}
        while any([await consumer.position(place) < ends[place] for place in places]):
            for place, records in (await consumer.getmany(timeout_ms=1_000)).items():
                found[place] += [
                    str(cloudevents.decode(each.key, each.value, each.headers).id)
                    for each in records
                ]
        return [each for place in places for each in found[place]]
    finally:
        await consumer.stop()


async def scored(deployment: Deployment) -> Counter[str]:
    """How often each enquiry has taken effect in scoring, by its event."""
    db: Any = await asyncpg.connect(deployment.database_url)
    try:
        rows = await db.fetch("SELECT cause FROM scoring.score_history")
        return Counter(str(row["cause"]) for row in rows)
    finally:
        await db.close()


async def spooled(deployment: Deployment) -> int:
    """How many events wait in the spool."""
    db: Any = await asyncpg.connect(deployment.database_url)
    try:
        return int(await db.fetchval("SELECT count(*) FROM ingest.spool"))
    finally:
        await db.close()


@dataclass(frozen=True, slots=True)
class Arrived:
    """What there is once nothing moves any more."""

    wire: Sequence[str]
    effects: Counter[str]


async def settled(deployment: Deployment, taken: Sequence[Answer]) -> Arrived:
    """Once the spool is empty and whatever was taken has had its time to take effect."""
    wanted = {answer.event_id for answer in taken}
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        effects = await scored(deployment)
        waits = await spooled(deployment)
        if (not waits and wanted <= effects.keys()) or time.monotonic() > deadline:
            return Arrived(await on_topic(deployment), effects)
        await asyncio.sleep(1)


def violations(sent: Sent, arrived: Arrived) -> list[str]:
    """What was promised and is not so."""
    found = []
    strange = Counter(each.status for each in sent.everything if each.status not in (202, 503))
    if strange:
        found.append(f"answers other than 202 and 503: {dict(strange)}")
    slow = [each.seconds for each in sent.everything if each.seconds > STRICTEST_SENDER_S]
    if slow:
        found.append(f"{len(slow)} answers after more than 3 s, the last after {max(slow):.1f} s")
    on_wire = set(arrived.wire)
    lost = [each for each in sent.taken if each.event_id not in on_wire]
    if lost:
        found.append(f"{len(lost)} leads were taken and are not on their topic")
    effects = Counter(arrived.effects[each.event_id] for each in sent.taken)
    wrong = {times: number for times, number in effects.items() if times != 1}
    if wrong:
        found.append(f"leads that took effect otherwise than once, by how often: {wrong}")
    firsts = {event_id: at for at, event_id in reversed(list(enumerate(arrived.wire)))}
    for number, chain in enumerate(sent.chains):
        places = [
            firsts[e.event_id] for e in chain if e.state == "spooled" and e.event_id in firsts
        ]
        if places != sorted(places):
            found.append(f"the spooled events of chain {number} are out of their order")
    return found


async def trial(
    stack: Stack, killed: Sequence[str], given: argparse.Namespace, console: Console
) -> list[str]:
    """Send, kill, bring back, wait; what was promised and is not so."""
    async with deployed(stack) as deployment:
        await asyncio.to_thread(deployment.start, INGEST, SCORING)
        began = time.monotonic()
        async with sending(deployment, given.rate) as sent:
            await asyncio.sleep(given.around)
            for server in killed:
                await asyncio.to_thread(stack.stop_program, server, crash=True)
            await asyncio.sleep(given.seconds)
            for server in killed:
                await asyncio.to_thread(stack.start_program, server)
            await asyncio.sleep(given.around)
        took = time.monotonic() - began
        arrived = await settled(deployment, sent.taken)
    states = Counter(each.state or str(each.status) for each in sent.everything)
    seconds = sorted(each.seconds for each in sent.everything)
    copies = len(arrived.wire) - len(set(arrived.wire))
    console.print(
        f"  {len(seconds)} leads, {len(seconds) / took:.0f} a second: {dict(states)}; "
        f"answers p50 {_at(seconds, 0.5):.3f} s, p99 {_at(seconds, 0.99):.3f} s, "
        f"at most {seconds[-1]:.3f} s; {copies} copies on the wire"
    )
    return violations(sent, arrived)


def _at(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def main() -> None:
    parser = argparse.ArgumentParser(prog='make outage ARGS="..."', description=__doc__)
    parser.add_argument("--rate", type=float, default=200, help="leads a second")
    parser.add_argument("--seconds", type=float, default=30, help="how long the servers are dead")
    parser.add_argument("--around", type=float, default=10, help="and how long before and after")
    parser.add_argument("--only", choices=OUTAGES, action="append", help="this outage")
    given = parser.parse_args()
    # What it says of outages is no news here.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    broken = []
    with servers() as stack:
        for name, killed in OUTAGES.items():
            if given.only and name not in given.only:
                continue
            console.print(
                f"{name} dead for {given.seconds:g} s at {given.rate:g} leads/s", style="bold"
            )
            found = asyncio.run(trial(stack, killed, given, console))
            for each in found or ["every promise was kept"]:
                console.print(f"  {each}")
            broken += found
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
