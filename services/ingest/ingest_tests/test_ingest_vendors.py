"""For all senders: no delivery, whatever it contains, causes an internal error."""

import contextlib
import json
from copy import deepcopy
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from ingest.policy.source import ApiSource
from ingest.policy.sources import Source
from ingest.senders.catalogue import SENDERS
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.items import Item
from ingest_tests.vendors import MODELS, read


def test_every_kind_that_a_bundle_may_have_has_its_sender() -> None:
    kinds = {
        kind
        for model in get_args(Source)
        if model is not ApiSource
        for kind in get_args(model.model_fields["kind"].annotation)
    }
    assert kinds == set(SENDERS)


@pytest.mark.parametrize("kind", SENDERS)
def test_the_example_of_a_sender_is_read(kind: str) -> None:
    example = SENDERS[kind].example
    headers = {"content-type": example.media_type, **example.headers}
    items = read(kind, Delivery(headers, example.body.encode()))
    assert items
    for item in items:
        assert isinstance(item, Item), item
        MODELS[item.becomes].model_validate({"source": kind, **item.document})


@pytest.mark.parametrize("kind", SENDERS)
def test_what_is_read_again_is_the_same(kind: str) -> None:
    example = SENDERS[kind].example
    headers = {"content-type": example.media_type, **example.headers}
    given_again = Delivery(headers, example.body.encode())
    assert read(kind, given_again) == read(kind, given_again)


def nothing_but_not_understood(kind: str, given_one: Delivery) -> None:
    with contextlib.suppress(NotUnderstoodError):
        read(kind, given_one)


ATOMS = [None, True, 0, -1, 2**62, 1.5, -1e300, "", "9" * 30, "true", "{}", "[1]", "+1", "\0"]
TEXTS = ["2026-01-31", "\ud800", "x" * 2_000]
NESTED = [[], [[]], [None], [1, "a"], {}, {"a": {"b": []}}]


@pytest.mark.parametrize("kind", SENDERS)
def test_whatever_stands_in_the_place_of_a_part_it_is_not_understood_at_worst(kind: str) -> None:
    example = SENDERS[kind].example
    if "json" not in example.media_type:
        return
    payload = json.loads(example.body)
    headers = {"content-type": example.media_type, **example.headers}
    for place in _places(payload):
        for value in (*ATOMS, *TEXTS, *NESTED):
            forged = json.dumps(_with(payload, place, value)).encode()
            nothing_but_not_understood(kind, Delivery(headers, forged))


def _places(payload: JsonValue, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(payload, dict):
        inner = [(key, value) for key, value in payload.items()]
    elif isinstance(payload, list):
        inner = list(enumerate(payload))  # type: ignore[arg-type]  # keys of either
    else:
        inner = []
    return [here, *(place for key, value in inner for place in _places(value, (*here, key)))]


def _with(payload: Any, place: tuple[Any, ...], value: object) -> Any:
    if not place:
        return value
    whole = deepcopy(payload)
    here = whole
    for step in place[:-1]:
        here = here[step]
    here[place[-1]] = value
    return whole


MEDIA_TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/xml",
    "application/cloudevents-batch+json",
    "",
)


@settings(max_examples=30)
@given(
    st.binary(max_size=60)
    | st.text(alphabet='a=&[]%26{}":,1<>/!-\r\n', max_size=60).map(str.encode),
    st.sampled_from(MEDIA_TYPES),
)
def test_whatever_bytes_come_they_are_not_understood_at_worst(body: bytes, type_: str) -> None:
    for kind in SENDERS:
        nothing_but_not_understood(kind, Delivery({"content-type": type_}, body))


@pytest.mark.parametrize(
    "body",
    [
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--\r\n',
        b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n",
        b"--x\r\nContent-Disposition: form-data; name*=utf-8''%ff\r\n\r\na\r\n--x--\r\n",
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--x--\r\n",
        b"--x\r\n" * 3_000,
    ],
)
def test_a_form_of_parts_that_is_broken_is_not_understood(body: bytes) -> None:
    type_ = "multipart/form-data; boundary=x"
    with pytest.raises(NotUnderstoodError):
        read("contact_form_7", Delivery({"content-type": type_}, body))
