"""Two releases of scoring run side by side: the newer takes the older's place, and gives it back.

The newer one has a field, a timer and a command that the older does not know (`newer`).
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from baton.events import DeadLetter, LeadScored
from tests.e2e.deployment import Deployment
from tests.e2e.world import eventually, open_world
from tests.releases.leads import HALVES, SHARDS, Kind, Lead, Traffic, new_lead, of
from tests.releases.newer import EDITS, SERVICE
from tests.releases.processes import Process, Shards
from tests.releases.release import Release

pytestmark = pytest.mark.trial

LEADS_OF_A_SHARD = 2
BETWEEN = 0.1
NEW = (Kind.FIELD, Kind.TIMER, Kind.COMMAND)


async def test_a_release_is_upgraded_and_taken_back_and_nothing_is_lost(
    deployment: Deployment, tmp_path: Path
) -> None:
    older = Release.copy(SERVICE, tmp_path / "older")
    newer = Release.copy(SERVICE, tmp_path / "newer", EDITS)
    leads = [new_lead(shard) for shard in range(SHARDS) for _ in range(LEADS_OF_A_SHARD)]
    async with open_world(deployment) as world:
        traffic = Traffic(world, leads)
        first = Process.start(deployment, older, "older-1")
        async with enquiries_coming(traffic) as others:
            await alone(traffic, first)
            second = Process.start(deployment, newer, "newer-1")
            await side_by_side(traffic, first, second)
            await asyncio.to_thread(first.stop)
            third = Process.start(deployment, newer, "newer-2")
            await upgraded(traffic, second, third)
            await asyncio.to_thread(second.stop)
            fourth = Process.start(deployment, older, "older-2")
            await taken_back(traffic, third, fourth)
            await asyncio.to_thread(fourth.stop)
            fifth = Process.start(deployment, newer, "newer-3")
            await own(traffic, SHARDS // 2, third, fifth)
        await took_effect(traffic, [*leads, *others])
        await everything_happened_once(traffic, others)


async def alone(traffic: Traffic, older: Process) -> None:
    await own(traffic, SHARDS, older)
    for lead in traffic.leads:
        await traffic.enquire(lead)
    # The enquiries come by another topic, which may be read later.
    await took_effect(traffic, traffic.leads)
    await traffic.view(traffic.leads)
    await took_effect(traffic, traffic.leads)


async def side_by_side(traffic: Traffic, older: Process, newer: Process) -> None:
    """On its shards the newer uses what is new; the older closes a shard for a command alone."""
    await own(traffic, SHARDS // 2, older, newer)
    trials = await traffic.start_trials(of(traffic.leads, Kind.FIELD, Kind.TIMER))
    await traffic.view(traffic.leads)
    await took_effect(traffic, traffic.leads)
    rows = await traffic.rows()
    newest = {lead.shard for lead in traffic.leads if rows[lead.id].version > 1}
    half = next(half for half in HALVES if newest <= half)
    for lead in traffic.leads:
        if lead.shard in half and lead.id in trials:
            lead.trials.append(trials[lead.id])
        assert list(rows[lead.id].trials) == lead.trials

    await traffic.note("side by side", newer)
    assert await closed(traffic, older, [Kind.COMMAND]) != half
    open_ones = [lead for lead in traffic.leads if lead.shard in half or lead.kind != Kind.COMMAND]
    await traffic.view(open_ones)
    await took_effect(traffic, open_ones)
    assert await traffic.commands() == LEADS_OF_A_SHARD


async def upgraded(traffic: Traffic, *newer: Process) -> None:
    """The inputs of the closed shard take effect; all shards use what is new."""
    await own(traffic, SHARDS // 2, *newer)
    trials = await traffic.start_trials(of(traffic.leads, Kind.FIELD, Kind.TIMER))
    for lead in traffic.leads:
        if lead.id in trials:
            lead.trials.append(trials[lead.id])
    await traffic.view(traffic.leads)
    await took_effect(traffic, traffic.leads)
    rows = await traffic.rows()
    for lead in traffic.leads:
        assert rows[lead.id].version == (1 if lead.kind is Kind.NOTHING else 2)
    assert (await traffic.timers()).keys() == {
        each for lead in traffic.leads for each in lead.trials
    }


async def taken_back(traffic: Traffic, newer: Process, older: Process) -> None:
    """The older works on the shard whose leads have nothing new, and on no other."""
    await own(traffic, SHARDS // 2, newer, older)
    await traffic.end_trials()
    await traffic.view(of(traffic.leads, Kind.FIELD))
    await traffic.note("taken back", newer)
    half = await closed(traffic, older, NEW)
    open_ones = [lead for lead in traffic.leads if lead.shard not in half or lead.kind not in NEW]
    await traffic.view(open_ones)
    await took_effect(traffic, open_ones)
    waiting = {each for lead in traffic.leads if lead.shard in half for each in lead.trials}
    assert (await traffic.timers()).keys() >= waiting
    assert await traffic.commands() == LEADS_OF_A_SHARD


async def everything_happened_once(traffic: Traffic, others: Sequence[Lead]) -> None:
    rows = await traffic.rows()
    for lead in traffic.leads:
        row = rows[lead.id]
        assert row.activities == set(lead.activities)
        assert list(row.trials) == lead.trials
        assert sorted(row.ended) == sorted(lead.ended)
        assert row.notes == lead.notes
    trials = {each for lead in of(traffic.leads, Kind.FIELD) for each in lead.trials}
    assert await traffic.timers() == dict.fromkeys(trials, 2)
    assert await traffic.commands() == 0
    assert {rows[lead.id].version for lead in others} == {1}

    wire = traffic.world.wire
    expected = {lead.id: 1 + lead.views for lead in (*traffic.leads, *others)}

    def told() -> Counter[object]:
        return Counter(event.data.lead_id for event in wire.events(LeadScored))

    with suppress(TimeoutError):  # what is wrong says more
        await wire.until(lambda: told() == expected)
    assert told() == expected
    assert wire.events(DeadLetter) == []
    assert await traffic.dead_letters() == []


@asynccontextmanager
async def enquiries_coming(traffic: Traffic) -> AsyncIterator[Sequence[Lead]]:
    """Further leads enquire, on all shards, for the time of the block."""
    leads: list[Lead] = []
    enough = asyncio.Event()

    async def send() -> None:
        while not enough.is_set():
            leads.append(new_lead(len(leads) % SHARDS))
            await traffic.enquire(leads[-1])
            await asyncio.sleep(BETWEEN)

    sending = asyncio.create_task(send())
    try:
        yield leads
    finally:
        enough.set()
        await sending


async def took_effect(traffic: Traffic, leads: Iterable[Lead]) -> None:
    """Once all that was sent of these leads, asked and due has, and nothing is a dead letter."""

    async def look() -> bool:
        assert await traffic.dead_letters() == []
        rows = await traffic.rows()
        return all(
            (row := rows.get(lead.id)) is not None
            and row.activities >= set(lead.activities)
            and len(row.ended) >= len(lead.ended)
            and len(row.notes) >= len(lead.notes)
            for lead in leads
        )

    await eventually(look)


async def own(traffic: Traffic, shards: int, *processes: Process) -> None:
    """Once each of these processes owns so many shards."""

    async def look() -> bool:
        found = [await process.shards(traffic.world.http) for process in processes]
        return all(each.open + len(each.closed) == shards for each in found)

    await eventually(look)


async def closed(traffic: Traffic, process: Process, kinds: Sequence[Kind]) -> frozenset[int]:
    """The half of the shards that a process owns, once it has closed those of these kinds.

    It says so in its metrics and in its readiness; every session's time it tries them again.
    """
    http = traffic.world.http

    async def look() -> frozenset[int] | None:
        assert await traffic.dead_letters() == []
        found = await process.shards(http)
        for half in HALVES:
            wanted = {number for number in half if number % len(Kind) in kinds}
            if found == Shards(len(half - wanted), dict.fromkeys(wanted, "newer_version")):
                return half if await process.is_degraded(http, wanted) else None
        return None

    return await eventually(look)
