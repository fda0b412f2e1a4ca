"""The edge accepts any request, or says what is wrong with it."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from pydantic import JsonValue

from baton.policy.bundle import Bundle
from ingest.composition import WRITES
from ingest.settings import Settings
from ingest_tests.harness import Process, form_headers, hook_headers, running
from ingest_tests.sockets import TIMES

PATHS = ("/v1/leads", "/v1/leads/batch", "/v1/activities", "/v1/followups", "/v1/privacy/erasures")

ANYTHING: st.SearchStrategy[JsonValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(
        [
            "website",
            "a@example.com",
            "2026-03-02T11:00:00Z",
            "contacted",
            "page_viewed",
            "4930901820",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(), max_size=20), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        "source",
        "brand",
        "email",
        "external_id",
        "phone",
        "first_name",
        "occurred_at",
        "delivery_id",
        "contact",
        "company",
        "consent",
        "custom",
        "answers",
        "test",
        "type",
        "lead_id",
        "reason",
        "amount",
        "starts_at",
        "why",
        "event_id",
        "event_type",
        "form_response",
        "data",
        "timestamp",
    ]
)
DOCUMENTS = st.dictionaries(FIELDS, ANYTHING, max_size=8)
DELIVERIES = DOCUMENTS.map(
    lambda said: {"source": "website", "email": "a@example.com", "type": "contacted"} | said
)
BODIES = st.binary(max_size=200) | (DOCUMENTS | DELIVERIES).map(lambda d: json.dumps(d).encode())
TYPES = st.sampled_from(["form.submitted", "page.viewed", "call.completed", None])


@pytest.fixture(scope="module")
def asked(settings: Settings, bundle: Bundle) -> Iterator["Asked"]:
    with asyncio.Runner() as loop:
        context = running(settings, bundle)
        process = loop.run(context.__aenter__())
        loop.run(process.circuit.closed.wait())
        yield Asked(loop, process)
        loop.run(context.__aexit__(None, None, None))


class Asked:
    """A process that is asked from outside its loop."""

    def __init__(self, loop: asyncio.Runner, process: Process) -> None:
        self._loop = loop
        self._process = process

    def post(self, path: str, body: bytes, headers: dict[str, bytes]) -> int:
        given = [(name.encode(), value) for name, value in headers.items()]
        sending = self._process.http.post(path, content=body, headers=given)

        async def send() -> int:
            return (await sending).status_code

        return self._loop.run(send())

    def read_all(self) -> int:
        """How many events there are; each of them can be read."""

        async def read() -> int:
            return sum([len(await self._process.events(topic)) for topic in WRITES])

        return self._loop.run(read())


@effort(max_examples=200 * TIMES, deadline=None)
@given(path=st.sampled_from(PATHS), body=BODIES)
def test_any_body_is_taken_or_refused(path: str, body: bytes, asked: Asked) -> None:
    assert asked.post(path, body, {}) in (202, 400, 413, 422)


@effort(max_examples=100 * TIMES, deadline=None)
@given(body=BODIES, type_=TYPES)
def test_any_signed_body_is_taken(body: bytes, type_: str | None, asked: Asked) -> None:
    if type_ is not None:
        body = json.dumps({"type": type_, "data": body.decode("latin-1")}).encode()
    signed = {name: value.encode() for name, value in hook_headers(body).items()}
    assert asked.post("/v1/webhooks/hooks", body, signed) == 202
    signed = {name: value.encode() for name, value in form_headers(body).items()}
    assert asked.post("/v1/webhooks/forms", body, signed) == 202


HEADER_VALUES = st.binary(max_size=60).filter(lambda v: not {0, 10, 13} & set(v))


@effort(max_examples=100 * TIMES, deadline=None)
@given(
    name=st.sampled_from(
        [
            "idempotency-key",
            "content-encoding",
            "content-length",
            "content-type",
            "authorization",
            "traceparent",
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            "typeform-signature",
        ]
    ),
    value=HEADER_VALUES,
    path=st.sampled_from([*PATHS, "/v1/webhooks/hooks", "/v1/webhooks/forms"]),
)
def test_any_header_is_taken_or_refused(name: str, value: bytes, path: str, asked: Asked) -> None:
    body = b'{"source": "website", "email": "a@example.com"}'
    assert asked.post(path, body, {name: value}) in (202, 400, 401, 413, 415, 422)


@effort(max_examples=20 * TIMES, deadline=None)
@given(bodies=st.lists(DELIVERIES.map(lambda d: json.dumps(d).encode()), min_size=10, max_size=10))
def test_whatever_was_taken_every_reader_can_read(bodies: list[bytes], asked: Asked) -> None:
    taken = [path for path in PATHS for body in bodies if asked.post(path, body, {}) == 202]
    assert asked.read_all() >= bool(taken)
