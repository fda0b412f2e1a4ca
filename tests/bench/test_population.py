"""Tables that are filled with copies are as the services would have left them."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from baton_local.stack import Stack
from tests.bench import growing, population
from tests.bench.deployment import deployed

pytestmark = pytest.mark.trial

SAMPLE, COPIES = 5, 40


@pytest.fixture
async def filled(shared_stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    async with deployed(shared_stack) as deployment:
        await growing.make_sample(deployment, SAMPLE)
        await population.keep_sample(deployment.database_url)
        await population.add_copies(deployment.database_url, range(1, COPIES))
        db = await asyncpg.connect(deployment.database_url)
        yield db
        await db.close()


async def test_a_copied_lead_has_rows_of_its_own_which_its_state_knows_and_no_timer_that_fires(
    filled: asyncpg.Connection,
) -> None:
    (row,) = await filled.fetch(FOUND)
    found = dict(row)
    assert found == dict.fromkeys(found, SAMPLE * COPIES)
    assert await filled.fetchval(TIMERS) > 0
    assert await filled.fetchval(f"{TIMERS} WHERE due_at < now() + interval '30 minutes'") == 0


FOUND = """
SELECT
    (SELECT count(DISTINCT id) FROM scoring.subject) AS scored,
    (SELECT count(*) FROM scoring.score_history WHERE number = 1) AS histories,
    (SELECT count(DISTINCT value) FROM ingest.alias WHERE kind = 'phone') AS phones,
    (SELECT count(*) FROM routing.subject AS lead JOIN routing.assignment AS held
        ON held.id = (lead.state #>> '{held,id}')::uuid AND held.lead_id = lead.id
        WHERE held.worked_at IS NOT NULL) AS assignments,
    (SELECT count(*) FROM sla_monitor.subject AS lead JOIN sla_monitor.clock
        ON clock.clock_id = (lead.state #>> '{clocks,0,id}')::uuid AND clock.lead_id = lead.id
        WHERE clock.state = 'met') AS clocks
"""
TIMERS = "SELECT count(*) FROM scoring.timer"
