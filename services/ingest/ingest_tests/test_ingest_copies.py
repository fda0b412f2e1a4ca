"""Copies of a delivery that arrive at the same moment are one event, whichever process has them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from baton import topics
from baton.policy.bundle import Bundle
from ingest.settings import Settings
from ingest_tests.harness import Process, form_headers, hook_headers, running

COPIES = 50

API = b'{"source": "website", "email": "copies@example.com", "n": %d}'
HOOK = b'{"type": "form.submitted", "data": {"email": "copies@example.com", "n": %d}}'
FORM = json.dumps(
    {
        "event_id": "copies",
        "event_type": "form_response",
        "form_response": {
            "form_id": "f1",
            "token": "t1",
            "submitted_at": "2026-03-02T11:59:00Z",
            "answers": [{"type": "email", "email": "copies@example.com", "field": {"id": "a"}}],
        },
    }
).encode()


@pytest.fixture
async def processes(settings: Settings, bundle: Bundle) -> AsyncIterator[tuple[Process, Process]]:
    async with running(settings, bundle) as one, running(settings, bundle) as other:
        await one.circuit.closed.wait()
        await other.circuit.closed.wait()
        yield one, other


async def insist(process: Process, path: str, **parts: Any) -> tuple[httpx.Response, int]:
    """As senders do: again, for as long as the answer is to try again. Also how many attempts."""
    attempts = 1
    while (answer := await process.http.post(path, **parts)).status_code == 503:
        attempts += 1
    return answer, attempts


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/v1/leads", API % 1, {}),
        ("/v1/leads", API % 2, {"Idempotency-Key": "copies"}),
        ("/v1/leads", b'{"delivery_id": "copies", ' + (API % 3)[1:], {}),
        ("/v1/leads", b'{"occurred_at": "2026-03-02T11:59:00Z", ' + (API % 4)[1:], {}),
        ("/v1/webhooks/hooks", HOOK % 1, hook_headers(HOOK % 1, id_="copies")),
        ("/v1/webhooks/forms", FORM, form_headers(FORM)),
    ],
    ids=["by its body", "by its key", "by its id", "by its time", "a signed webhook", "a form"],
)
async def test_fifty_copies_at_one_moment_are_one_event(
    path: str, body: bytes, headers: dict[str, str], processes: tuple[Process, Process]
) -> None:
    sent = [
        insist(processes[number % 2], path, content=body, headers=headers)
        for number in range(COPIES)
    ]
    answers, attempts = zip(*await asyncio.gather(*sent), strict=True)
    assert {answer.status_code for answer in answers} == {202}
    told = [json.loads(answer.text) for answer in answers]
    ids = {each["event_id"] for one in told for each in one.get("results", [one])}
    assert len(ids) == 1
    (event_id,) = ids
    events = await processes[0].events(topics.LEAD_CAPTURED)
    copies = [event for event in events if str(event.id) == event_id]
    # Each attempt may leave a copy on the topic, also one that was answered with 503; that they are
    # one event is what a reader's inbox knows them by.
    assert 1 <= len(copies) <= sum(attempts)
    assert len({event.subject for event in copies}) == 1
