"""How much the edge lets in at one time, and of each source."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.problems import Problem
from ingest.edge.admission import Admission
from ingest.edge.rates import Bucket, Rates, take_token
from ingest.policy.source import RateLimit

LIMIT = RateLimit(per_second=10, burst=3)


def admission(*, requests: int = 2, held: int = 100, within: float = 60) -> Admission:
    rates = Rates(lambda: 0.0)
    return Admission(requests, held, 1, timedelta(seconds=within), rates, lambda _: None)


@pytest.mark.parametrize(
    ("tokens", "passed", "left", "wait"),
    [
        (3.0, 0.0, 2.0, 0.0),
        (1.0, 0.0, 0.0, 0.0),
        (0.0, 0.0, 0.0, 0.1),
        (0.5, 0.0, 0.5, 0.05),
        (0.0, 0.25, 1.5, 0.0),
        (0.0, 60.0, 2.0, 0.0),
        (9.0, 0.0, 2.0, 0.0),
    ],
    ids=[
        "of a full bucket",
        "the last",
        "of an empty bucket",
        "of half a token",
        "refilled as time passes",
        "never more than the burst at once",
        "of a limit that was lowered",
    ],
)
def test_a_delivery_takes_a_token_or_waits_for_one(
    tokens: float, passed: float, left: float, wait: float
) -> None:
    bucket, seconds = take_token(Bucket(tokens, at=5.0), LIMIT, 5.0 + passed)
    assert (bucket.tokens, bucket.at, seconds) == pytest.approx((left, 5.0 + passed, wait))


@given(gaps=st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_no_more_than_the_burst_and_the_rate_are_taken_in_any_time(gaps: list[float]) -> None:
    bucket, now, took = Bucket(LIMIT.at_once, 0.0), 0.0, 0
    for gap in gaps:
        now += gap
        bucket, wait = take_token(bucket, LIMIT, now)
        took += not wait
    assert took <= LIMIT.at_once + now * LIMIT.per_second + 1e-6


def test_by_default_twice_the_rate_is_taken_at_once() -> None:
    assert RateLimit(per_second=10).at_once == 20


def test_one_source_s_flood_is_not_another_s() -> None:
    rates = Rates(lambda: 0.0)
    assert [rates.wait("website", LIMIT) for _ in range(4)] == [0, 0, 0, 0.1]
    assert rates.wait("crm", LIMIT) == 0


async def test_so_many_are_worked_on_at_one_time_and_the_rest_is_told_so_at_once() -> None:
    door = admission(requests=1)

    async def another() -> str:
        return "done"

    async def work() -> None:
        with pytest.raises(Problem) as refused:
            await door.answered(another)
        assert refused.value.body.status == 503
        assert refused.value.headers["Retry-After"]
        with pytest.raises(Problem):
            await door.reading().__aenter__()

    await door.answered(work)
    assert await door.answered(another) == "done"


async def test_bodies_hold_so_many_bytes_at_one_time_and_give_them_back() -> None:
    door = admission(held=100)
    async with door.reading() as one:
        one.add(60)
        async with door.reading() as other:
            with pytest.raises(Problem) as refused:
                other.add(41)
            assert refused.value.body.status == 503
            other.add(40)
    async with door.reading() as again:
        again.add(100)


async def test_what_is_not_done_in_time_is_answered_all_the_same() -> None:
    gone_on = asyncio.Event()

    async def deaf() -> None:
        """As a driver does that first waits for a server that does not answer."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await gone_on.wait()

    with pytest.raises(Problem) as refused:
        await admission(within=0.05).answered(deaf)
    assert refused.value.body.status == 503
    gone_on.set()
