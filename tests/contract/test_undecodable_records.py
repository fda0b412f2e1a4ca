"""Records that are no events: each is refused with the field's name, and nothing else happens."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import JsonValue

from baton import cloudevents, events
from baton.cloudevents import Event, NotDecodableError, UnknownTypeError
from baton.events import LeadCaptured
from baton.values import DEEPEST_NESTING

texts = st.text(st.characters(codec="utf-8"), max_size=20)
json_values: SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)

Key = bytes | None
HeaderList = list[tuple[str, bytes | None]]


def captured(**changes: Any) -> LeadCaptured:
    usual: dict[str, Any] = {
        "lead_id": "f834a396-bad5-8952-9d4a-6e29cdb7e3a4",
        "occurred_at": "2026-03-02T09:15:00Z",
        "received_at": "2026-03-02T09:15:00Z",
        "profile": {"brand": "acme", "source": "form", "contact": {"email": "info@example.com"}},
    }
    return LeadCaptured.model_validate(usual | changes)


def record(
    change: Callable[[dict[str, Any]], object] = dict.copy,
) -> tuple[Key, bytes, HeaderList]:
    """The record of a `lead.captured` whose data was changed as JSON."""
    data = captured()
    event = Event(
        id=UUID("019cadd4-569b-8308-a36c-b8195869b661"),
        source="baton/ingest",
        time=data.received_at,
        subject=str(data.lead_id),
        data=data,
        sequence=7,
    )
    message = cloudevents.encode(event)
    body = json.loads(message.value)
    change(body)
    return message.key, json.dumps(body).encode(), list(message.headers)


def with_header(name: str, *instead: bytes | None) -> tuple[Key, bytes, HeaderList]:
    key, value, headers = record()
    kept = [header for header in headers if header[0] != name]
    return key, value, kept + [(name, other) for other in instead]


def with_value(value: bytes | None) -> tuple[Key, bytes | None, HeaderList]:
    key, _, headers = record()
    return key, value, headers


def with_text(old: bytes, new: bytes) -> tuple[Key, bytes, HeaderList]:
    key, value, headers = record()
    assert old in value
    return key, value.replace(old, new), headers


def with_answer(value: bytes) -> tuple[Key, bytes, HeaderList]:
    return with_text(b'"answers": {}', b'"answers": {"q": ' + value + b"}")


def with_custom(value: bytes) -> tuple[Key, bytes, HeaderList]:
    return with_text(b'"custom": {}', b'"custom": {"size": ' + value + b"}")


def with_key(key: Key) -> tuple[Key, bytes, HeaderList]:
    return key, *record()[1:]


def with_subject(subject: bytes) -> tuple[Key, bytes, HeaderList]:
    _, value, headers = with_header("ce_subject", subject)
    return subject, value, headers


def test_a_reader_ignores_fields_and_headers_that_it_does_not_know() -> None:
    key, value, headers = record(lambda body: body.update({"new": {"x": [1]}}))
    headers += [("ce_new", b"\xff"), ("other", b""), ("other", None)]
    assert cloudevents.decode(key, value, headers).data == captured()


def test_a_null_value_and_an_absent_one_read_alike_where_there_is_a_default() -> None:
    key, value, headers = record(lambda body: body.pop("delivery_id"))
    assert cloudevents.decode(key, value, headers).data == captured(delivery_id=None)


NEEDED = (
    "ce_specversion",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_time",
    "ce_subject",
    "content-type",
)
deep = b"[" * (DEEPEST_NESTING + 1) + b"]" * (DEEPEST_NESTING + 1)

REFUSED: dict[str, tuple[tuple[Key, bytes | None, HeaderList], str]] = {
    **{f"no {name}": (with_header(name), f"{name} is missing") for name in NEEDED},
    **{
        f"{name} {what}": (with_header(name, *there), f"{name} {why}")
        for name in (*NEEDED, "ce_sequence", "ce_traceparent", "ce_policyversion")
        for what, there, why in (
            ("empty", (b"",), "is empty"),
            ("without a value", (None,), "is empty"),
            ("not UTF-8", (b"\xff\xfe",), "is not UTF-8"),
            ("with half of a surrogate pair", (b"\xed\xa0\x80",), "is not UTF-8"),
            ("twice", (b"x", b"x"), "is there twice"),
        )
    },
    "another specversion": (with_header("ce_specversion", b"0.3"), "ce_specversion is not 1.0"),
    "an id that is no UUID": (with_header("ce_id", b"42"), "ce_id is not a UUID"),
    "an id in braces": (
        with_header("ce_id", b"{019cadd4-569b-8308-a36c-b8195869b661}"),
        "ce_id is not a UUID in lower case with hyphens",
    ),
    "an id in capitals": (
        with_header("ce_id", b"019CADD4-569B-8308-A36C-B8195869B661"),
        "ce_id is not a UUID in lower case with hyphens",
    ),
    "a type that is not ours": (
        with_header("ce_type", b"com.example.lead"),
        "ce_type is not the name of a type of Baton's",
    ),
    "a type of a megabyte": (
        with_header("ce_type", b"baton." + b"a" * 1_000_000 + b".v1"),
        "ce_type is not the name of a type of Baton's",
    ),
    **{
        f"the time {given!r}": (with_header("ce_time", given), f"ce_time: {why}")
        for given, why in (
            (b"yesterday", "a time must be as RFC 3339 has it, with an offset from UTC"),
            (b"2026-03-02", "a time must be as RFC 3339 has it, with an offset from UTC"),
            (b"2026-03-02T09:15:00", "a time must be as RFC 3339 has it, with an offset from UTC"),
            (b"20260302T091500Z", "a time must be as RFC 3339 has it, with an offset from UTC"),
            (b"1772442900", "a time must be as RFC 3339 has it, with an offset from UTC"),
            (
                "\u0662\u0660\u0662\u0666-03-02T09:15:00Z".encode(),
                "a time must be as RFC 3339 has it, with an offset from UTC",
            ),
            (b"2026-02-30T09:15:00Z", "day is out of range for month"),
            (b"0001-01-01T00:00:00+01:00", "a time must be within the years 1 to 9999"),
            (b"9999-12-31T23:59:59-01:00", "a time must be within the years 1 to 9999"),
        )
    },
    **{
        f"the sequence {given!r}": (
            with_header("ce_sequence", given),
            "ce_sequence is not 20 digits",
        )
        for given in (
            b"7",
            b"-0000000000000000001",
            b"+0000000000000000001",
            b"1" * 21,
            b"9" * 5000,
        )
    },
    "a sequence of other digits": (
        with_header("ce_sequence", "\u0667".encode() * 20),
        "ce_sequence is not 20 digits",
    ),
    "structured mode": (
        with_header("content-type", b"application/cloudevents+json"),
        "content-type is not application/json",
    ),
    "no key": (with_key(None), "the record's key is not its ce_subject"),
    "an empty key": (with_key(b""), "the record's key is not its ce_subject"),
    "another key": (with_key(b"\xff"), "the record's key is not its ce_subject"),
    "another lead's key": (
        with_subject(b"a87ceb0d-7a94-897c-b16e-a95220b1b8d9"),
        "lead_id is not the record's key",
    ),
    "a key in capitals": (
        with_subject(b"F834A396-BAD5-8952-9D4A-6E29CDB7E3A4"),
        "lead_id is not the record's key",
    ),
    "no value": (with_value(None), "data: the record has no value"),
    "an empty value": (with_value(b""), "data: Invalid JSON"),
    "a broken value": (with_value(b'{"lead_id": '), "data: Invalid JSON"),
    "a value that is not UTF-8": (with_value(b'{"lead_id": "\xff"}'), "data: Invalid JSON"),
    "a value that is no object": (with_value(b"[]"), "data: "),
    "half of a surrogate pair": (with_answer(b'"\\ud800"'), "data: Invalid JSON"),
    "half of a surrogate pair in a name": (with_answer(b'{"\\udfff": 1}'), "data: Invalid JSON"),
    "NaN": (with_answer(b"NaN"), "data: Invalid JSON"),
    "Infinity within": (with_answer(b'[{"x": -Infinity}]'), "data: Invalid JSON"),
    "NaN in a field that nobody knows": (
        with_text(b'"answers": {}', b'"new": NaN'),
        "data: Invalid JSON",
    ),
    "a number beyond all floats": (with_answer(b"1e400"), "answers.q: "),
    "a number beyond all floats within": (with_answer(b'[{"x": -1e400}]'), "answers.q: "),
    "a custom number beyond all floats": (with_custom(b"1e400"), "profile.custom.size."),
    "an integer of 5000 digits": (with_answer(b"9" * 5000), "data: Invalid JSON"),
    "a count beyond 2^53": (
        with_text(b'"employees": null', b'"employees": 9007199254740992'),
        "profile.company.employees: ",
    ),
    "a count as text": (
        with_text(b'"employees": null', b'"employees": "12"'),
        "profile.company.employees: ",
    ),
    "a count with a fraction": (
        with_text(b'"employees": null', b'"employees": 12.5'),
        "profile.company.employees: ",
    ),
    "nesting without end": (with_answer(b"[" * 100_000), "data: Invalid JSON"),
    "nesting that other readers refuse": (with_answer(deep), "answers.q: "),
    "a list for a custom field": (with_custom(b"[]"), "profile.custom.size."),
    "a missing field": (record(lambda body: body.pop("received_at")), "received_at: "),
    "null for a field that must be": (
        record(lambda body: body.update(profile=None)),
        "profile: ",
    ),
    "a time as a number": (record(lambda body: body.update(received_at=0)), "received_at: "),
    "a time without offset": (
        record(lambda body: body.update(received_at="2026-03-02T09:15:00")),
        "received_at: ",
    ),
    "a time before the year 1 in UTC": (
        record(lambda body: body.update(received_at="0001-01-01T00:00:00+02:00")),
        "received_at: ",
    ),
    "a value outside of a closed list": (
        with_text(b'"status": "unknown"', b'"status": "perhaps"'),
        "profile.consent.status: ",
    ),
    "a text too long": (
        with_text(b'"acme"', b'"' + b"a" * 1001 + b'"'),
        "profile.brand: ",
    ),
    "a boolean as text": (record(lambda body: body.update(test="true")), "test: "),
}


@pytest.mark.parametrize(("given", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_as_the_contract_says_is_refused_with_the_fields_name(
    given: tuple[Key, bytes | None, HeaderList], why: str
) -> None:
    with pytest.raises(NotDecodableError) as refused:
        cloudevents.decode(*given)
    assert str(refused.value).startswith(why)


def test_a_refusal_is_short_and_tells_no_value() -> None:
    key, value, headers = record(
        lambda body: body.update(
            dict.fromkeys(body, "info@example.com"),
            profile={
                "brand": "acme",
                "source": "form",
                "custom": {f"field{n}" * 1000: ["info@example.com"] for n in range(1000)},
            },
        )
    )
    with pytest.raises(NotDecodableError) as refused:
        cloudevents.decode(key, value, headers)
    assert len(str(refused.value)) < 2_500
    assert "info" not in str(refused.value)
    assert "more" in str(refused.value)


def test_a_type_of_a_later_release_is_unknown_and_not_bad() -> None:
    key, value, headers = with_header("ce_type", b"baton.lead.captured.v2")
    with pytest.raises(UnknownTypeError, match=r"baton\.lead\.captured\.v2"):
        cloudevents.decode(key, value, headers)


def test_every_type_is_named_as_readers_expect() -> None:
    for model in events.ALL:
        assert cloudevents.TYPE_NAME.fullmatch(model.event_type)


@pytest.mark.parametrize(
    ("headers", "type_name"),
    [
        ([], None),
        ([("ce_type", None)], None),
        ([("ce_type", b"a"), ("ce_type", b"b")], None),
        ([("ce_id", b"x"), ("ce_type", b"a\xff")], "a\ufffd"),
    ],
)
def test_the_type_is_read_without_decoding_only_where_there_is_one(
    headers: HeaderList, type_name: str | None
) -> None:
    assert cloudevents.event_type(headers) == type_name


usual_key, usual_value, usual_headers = record()
odd_bytes = st.binary(max_size=40) | texts.map(str.encode) | st.sampled_from([b"NaN", b"null"])


@given(
    key=st.just(usual_key) | st.none() | odd_bytes,
    value=st.just(usual_value)
    | st.none()
    | odd_bytes
    | json_values.map(lambda value: json.dumps(value).encode()),
    headers=st.lists(
        st.sampled_from(usual_headers)
        | st.tuples(st.sampled_from(sorted(cloudevents.ATTRIBUTES)) | texts, st.none() | odd_bytes),
        max_size=14,
    ),
)
def test_whatever_a_record_has_it_is_an_event_or_refused(
    key: Key, value: bytes | None, headers: HeaderList
) -> None:
    for tried in (headers, usual_headers, with_last_of_each(usual_headers + headers)):
        with suppress(NotDecodableError, UnknownTypeError):
            cloudevents.decode(key, value, tried)
        cloudevents.event_type(tried)


def with_last_of_each(headers: HeaderList) -> HeaderList:
    return list(dict(headers).items())


@given(data=st.data())
def test_whatever_becomes_of_a_field_the_record_is_an_event_or_refused(
    data: st.DataObject,
) -> None:
    body = json.loads(usual_value)
    place = body
    while True:
        name = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[name], dict) or not place[name] or data.draw(st.booleans()):
            break
        place = place[name]
    place[name] = data.draw(st.just("!") | json_values)
    odd = data.draw(st.sampled_from(["NaN", "1e999", "-0", '{"a": Infinity}', '"\\ud800"']))
    text = json.dumps(body).replace('"!"', odd)
    with suppress(NotDecodableError):
        cloudevents.decode(usual_key, text.encode(), usual_headers)
