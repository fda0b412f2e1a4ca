"""What befalls a side task of intake: leads are taken, and the task begins anew."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from baton.policy.bundle import Bundle
from baton.runtime.status import Status
from baton.service import Task
from ingest.metrics import IngestMetrics
from ingest.settings import Settings
from ingest.supervision import Supervisor
from ingest_tests.harness import Process, eventually, running

SOON, NEVER = timedelta(milliseconds=1), timedelta(days=1)


class Supervised:
    """A supervised task and what is said of it."""

    def __init__(self, first_pause: timedelta = SOON, longest_pause: timedelta = SOON) -> None:
        self.stop, self.status, self.registry = asyncio.Event(), Status(), CollectorRegistry()
        metrics = IngestMetrics(self.registry)
        self.supervisor = Supervisor(
            self.stop, self.status, metrics.task_failures, first_pause, longest_pause
        )

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        async def awaited() -> None:
            await work()

        await self.supervisor.supervise(Task("side", awaited)).work()

    @property
    def failures(self) -> float | None:
        return self.registry.get_sample_value("baton_task_failures_total", {"task": "side"})


class Script:
    """Work that raises these errors, one each time, and then runs on."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.runs_on = asyncio.Event()

    async def __call__(self) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.runs_on.set()
        await asyncio.Event().wait()


@pytest.fixture
async def with_a_task_that_fails(settings: Settings, bundle: Bundle) -> AsyncIterator[Process]:
    async def fails() -> None:
        raise RuntimeError("what nobody expected of person@example.com")

    async with running(settings, bundle, beside={"broken": fails}) as made:
        await made.circuit.closed.wait()
        yield made


async def test_while_a_side_task_fails_again_and_again_leads_are_taken_and_readyz_names_the_task(
    with_a_task_that_fails: Process,
) -> None:
    process = with_a_task_that_fails

    async def failed_thrice() -> bool:
        return process.metric("baton_task_failures_total", task="broken") >= 3

    await eventually(failed_thrice)
    taken = await process.http.post("/v1/leads", json={"source": "website", "email": "a@x.example"})
    assert (taken.status_code, taken.json()["state"]) == (202, "published")
    ready = await process.http.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert "RuntimeError" in ready.json()["reasons"]["broken"]
    assert "person@example.com" not in ready.text


async def test_a_task_that_works_again_is_no_longer_a_reason_to_be_degraded() -> None:
    side, work = Supervised(), Script(RuntimeError("once"), KeyError("twice"))
    running_on = asyncio.create_task(side.run(work))
    await work.runs_on.wait()
    assert side.failures == 2

    async def is_ready() -> bool:
        return not side.status.reasons

    await eventually(is_ready)
    running_on.cancel()
    await asyncio.wait({running_on})


async def test_a_task_that_has_just_begun_anew_is_still_a_reason_to_be_degraded() -> None:
    side, work = Supervised(longest_pause=NEVER), Script(RuntimeError("once"))
    running_on = asyncio.create_task(side.run(work))
    await work.runs_on.wait()
    assert set(side.status.reasons) == {"side"}
    running_on.cancel()
    await asyncio.wait({running_on})


async def test_a_cancelled_task_is_a_shutdown_and_no_failure() -> None:
    side, work = Supervised(), Script()
    running_on = asyncio.create_task(side.run(work))
    await work.runs_on.wait()
    running_on.cancel()
    await asyncio.wait({running_on})
    assert running_on.cancelled()
    assert (side.failures, side.status.reasons) == (None, {})


async def test_a_cancellation_that_nobody_asked_for_is_a_failure_like_any_other() -> None:
    side, work = Supervised(), Script(asyncio.CancelledError())
    running_on = asyncio.create_task(side.run(work))
    await work.runs_on.wait()
    assert side.failures == 1
    running_on.cancel()
    await asyncio.wait({running_on})


async def test_a_task_that_returns_although_nobody_has_stopped_it_begins_anew() -> None:
    side = Supervised()
    began = 0

    async def returns() -> None:
        nonlocal began
        began += 1
        if began == 3:
            side.stop.set()

    await side.run(returns)
    assert (began, side.failures) == (3, 2)


async def test_a_shutdown_does_not_wait_for_the_pause_of_a_task_that_fails() -> None:
    side = Supervised(first_pause=NEVER, longest_pause=NEVER)
    running_on = asyncio.create_task(side.run(Script(RuntimeError("once"))))

    async def pauses() -> bool:
        return bool(side.status.reasons)

    await eventually(pauses)
    side.stop.set()
    await running_on


async def test_the_log_has_the_name_of_the_task_and_the_error_that_it_met() -> None:
    error = RuntimeError("once")
    side, work = Supervised(), Script(error)
    with capture_logs() as logged:
        running_on = asyncio.create_task(side.run(work))
        await work.runs_on.wait()
        running_on.cancel()
        await asyncio.wait({running_on})
    (line,) = logged
    assert line["event"] == "a side task failed and starts again"
    assert (line["task"], line["exc_info"]) == ("side", error)


async def keeps_its_cancellation_back(waits: asyncio.Event) -> None:
    waits.set()
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def fails_while_it_ends(waits: asyncio.Event) -> None:
    waits.set()
    try:
        await asyncio.Event().wait()
    finally:
        raise RuntimeError("at the end")


@pytest.mark.parametrize("work", [keeps_its_cancellation_back, fails_while_it_ends])
async def test_a_cancelled_task_does_not_begin_anew_however_it_ends(
    work: Callable[[asyncio.Event], Awaitable[None]],
) -> None:
    side, waits = Supervised(), asyncio.Event()
    begins: list[None] = []

    async def once() -> None:
        begins.append(None)
        assert len(begins) == 1
        await work(waits)

    supervised = asyncio.create_task(side.run(once))
    await waits.wait()
    supervised.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(60):
            await supervised
    assert side.failures in (None, 0)
