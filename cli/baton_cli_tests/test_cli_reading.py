"""What a file of deliveries says, line by line."""

import json

import pytest

from baton_cli.send.deliveries import Delivery, Kind, delivery
from baton_cli.send.reading import Broken, Entry, entries


def lines(text: str) -> list[tuple[int, object]]:
    """Each entry's line with its document, or with None where it is broken."""
    return [
        (found.line, found.document if isinstance(found, Entry) else None)
        for found in entries(text)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":1}\n{"a":2}\n', [(1, {"a": 1}), (2, {"a": 2})]),
        ('\n\n{"a":1}\r\n\n{"a":2}', [(3, {"a": 1}), (5, {"a": 2})]),
        ('{\n "a": 1\n}\n{"a":2}', [(1, {"a": 1}), (4, {"a": 2})]),
        ('[{"a":1},\n {"a":\n2} , {"a":3}]', [(1, {"a": 1}), (2, {"a": 2}), (3, {"a": 3})]),
        ("[]", []),
        (" \n", []),
        ("", []),
        ("7\n", [(1, 7)]),
    ],
)
def test_documents_stand_one_after_the_other_or_in_an_array(
    text: str, expected: list[tuple[int, object]]
) -> None:
    assert lines(text) == expected


@pytest.mark.parametrize("broken", ["{broken", '{"a":1,}', "nonsense", '{"a":"', "[" * 100_000])
def test_after_a_broken_line_the_next_one_is_read(broken: str) -> None:
    assert lines(f'{{"a":1}}\n{broken}\n{{"a":3}}\n') == [(1, {"a": 1}), (2, None), (3, {"a": 3})]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[{"a":1},\n{broken},\n{"a":3}]', 2),
        ('[{"a":1}\n{"a":2}]', 2),
        ('[{"a":1},', 1),
        ('[{"a":1}', 1),
        ('[{"a":1},]', 1),
    ],
)
def test_what_follows_a_break_in_an_array_is_said_to_be_unread(text: str, line: int) -> None:
    *_, last = entries(text)
    assert isinstance(last, Broken)
    assert (last.line, last.rest_unread) == (line, True)


def test_a_line_without_a_kind_is_sent_as_it_was_written() -> None:
    written = '{"source": "website",  "note": "\\u00e9 1.0e2"}'
    (entry,) = entries(written)
    assert isinstance(entry, Entry)
    assert delivery(entry, Kind.ACTIVITY) == Delivery(1, Kind.ACTIVITY, written.encode())


def test_a_kind_says_what_a_line_is_and_is_not_sent() -> None:
    (entry,) = entries('{"kind": "followup", "note": "\\ud800 é"}')
    assert isinstance(entry, Entry)
    found = delivery(entry, Kind.LEAD)
    assert isinstance(found, Delivery)
    assert found.kind is Kind.FOLLOWUP
    assert json.loads(found.body) == {"note": "\ud800 é"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"kind": "leed"}', "kind: must be one of lead, activity, followup, not 'leed'"),
        ('{"kind": ["lead"]}', "kind: must be one of lead, activity, followup, not ['lead']"),
        ("[[1]]", "must be a JSON object"),
    ],
)
def test_what_can_not_be_a_delivery_says_why(text: str, reason: str) -> None:
    (entry,) = entries(text)
    assert isinstance(entry, Entry)
    assert delivery(entry, Kind.LEAD) == Broken(1, reason)
