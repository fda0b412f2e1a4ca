"""Bodies as they come: in any pieces, up to a limit, cut off or not."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import pairwise

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from baton.problems import Problem
from ingest.edge import bodies
from ingest.edge.bodies import Bounds, Line, Pace

LIMIT = 20
BOUNDS = Bounds(LIMIT, Pace(seconds=60, rate=1))


def request(chunks: Iterable[bytes], *, cut_off: bool = False) -> Request:
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    end: Message = {"type": "http.request", "body": b"", "more_body": False}
    messages.append({"type": "http.disconnect"} if cut_off else end)
    coming = iter(messages)

    async def receive() -> Message:
        return next(coming)

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def lines_of(chunks: Iterable[bytes]) -> list[Line]:
    async def read() -> list[Line]:
        received = [lines async for lines in bodies.lines(request(chunks), BOUNDS)]
        return [line for lines in received for line in lines]

    return asyncio.run(read())


async def drained(lines: AsyncIterator[list[Line]]) -> None:
    async for _ in lines:
        pass


def in_pieces(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


TEXTS = st.lists(st.sampled_from([b"\n", b"a", b"bc", b"x" * 19, b"y" * 25]), max_size=12)


@given(parts=TEXTS, cuts=st.lists(st.integers(0, 300), max_size=8))
def test_lines_are_the_same_however_the_body_is_cut_into_pieces(
    parts: list[bytes], cuts: list[int]
) -> None:
    body = b"".join(parts)
    texts = body.split(b"\n")
    if not texts[-1]:
        texts.pop()
    expected = [
        Line(number, text if len(text) <= LIMIT else None)
        for number, text in enumerate(texts, start=1)
    ]
    assert lines_of(in_pieces(body, cuts)) == expected


@given(parts=TEXTS, cuts=st.lists(st.integers(0, 300), max_size=8))
def test_a_body_is_whole_however_it_is_cut_into_pieces(parts: list[bytes], cuts: list[int]) -> None:
    body = b"".join(parts)
    given_ = request(in_pieces(body, cuts))
    if len(body) <= LIMIT:
        assert asyncio.run(bodies.read_body(given_, BOUNDS)) == body
    else:
        with pytest.raises(Problem) as refused:
            asyncio.run(bodies.read_body(given_, BOUNDS))
        assert refused.value.body.status == 413


async def test_a_body_that_ends_before_its_end_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        await bodies.read_body(request([b"{"], cut_off=True), BOUNDS)
    assert refused.value.body.status == 400


async def test_a_batch_that_ends_before_its_end_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        await drained(bodies.lines(request([b"{}\n{"], cut_off=True), BOUNDS))
    assert refused.value.body.status == 400


@pytest.mark.parametrize(
    ("received", "seconds"), [(0, 10.0), (10_000, 11.0), (1_000_000, 110.0)], ids=str
)
def test_a_body_may_take_longer_the_more_of_it_has_come(received: int, seconds: float) -> None:
    assert Pace(seconds=10, rate=10_000).allows(received) == seconds


async def test_a_body_that_stops_coming_is_refused() -> None:
    never = asyncio.Event()
    first: Message = {"type": "http.request", "body": b"{", "more_body": True}
    coming = iter([first])

    async def receive() -> Message:
        for message in coming:
            return message
        await never.wait()
        return {"type": "http.disconnect"}

    slow = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with pytest.raises(Problem) as refused:
        await bodies.read_body(slow, Bounds(LIMIT, Pace(seconds=0.1, rate=1_000)))
    assert refused.value.body.status == 408


async def test_whoever_counts_what_is_held_is_told_of_every_byte_and_may_refuse() -> None:
    told: list[int] = []
    await bodies.read_body(request([b"ab", b"c"]), BOUNDS, told.append)
    assert sum(told) == 3

    def full(_: int) -> None:
        raise Problem(503, "Too busy", "later")

    with pytest.raises(Problem):
        await bodies.read_body(request([b"ab"]), BOUNDS, full)
