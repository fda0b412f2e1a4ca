"""A file in pages: wherever a run ended, the next one goes on with the rows that are left."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.lead_table import PARTS
from baton_cli.importing.deliveries import Deliveries
from baton_cli.importing.lines import LONGEST, Lines
from baton_cli.importing.pages import Page, pages
from baton_cli.importing.rows import Csv, Ndjson

PIECES = ("a@example.com", ",", "\n", "\r\n", '"', '""', "x", " ", "\xe4")


def table(content: bytes) -> tuple[Lines, Csv]:
    lines = Lines(io.BytesIO(b"email,name\n" + content))
    return lines, Csv(lines, PARTS)


def told(found: list[Page]) -> list[tuple[int, bytes]]:
    """Each row's line with what is sent of it, or why nothing is."""
    rows = [(each.line, each.body) for page in found for each in page.deliveries]
    rows += [(each.line, each.reason.encode()) for page in found for each in page.broken]
    return sorted(rows)


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join), st.integers(1, 4))
def test_a_run_goes_on_with_the_rows_behind_those_that_were_answered(
    content: str, most: int
) -> None:
    lines, format_ = table(content.encode())
    whole = list(pages(lines, format_, Deliveries(None, None, history=False), most))
    for done in range(1, len(whole)):
        lines, format_ = table(content.encode())
        assert lines.go_to(whole[done - 1].place)
        rest = list(pages(lines, format_, Deliveries(None, None, history=False), most))
        assert told(rest) == told(whole[done:])


def test_a_file_that_is_another_before_a_place_is_not_gone_on_with() -> None:
    lines, format_ = table(b"a@example.com,\nb@example.com,\n")
    place = next(pages(lines, format_, Deliveries(None, None, history=False), 1)).place
    for other in (b"A@example.com,\nb@example.com,\n", b"a@ex"):
        assert not table(other)[0].go_to(place)


def test_lines_are_counted_and_those_that_are_too_long_are_none() -> None:
    long = b"x" * (LONGEST + 1)
    lines = Lines(io.BytesIO(b"one\n" + long + b"\n" + long[1:] + b"\nlast"))
    assert [(each.number, each.text and len(each.text)) for each in lines] == [
        (1, 3),
        (2, None),
        (3, LONGEST),
        (4, 4),
    ]
    assert lines.place.offset == 4 + 2 * LONGEST + 3 + 4


def test_a_row_that_says_the_same_has_the_same_id_wherever_it_stands() -> None:
    def ids(content: bytes) -> list[str]:
        lines, format_ = table(content)
        (page,) = pages(lines, format_, Deliveries(None, "website", history=False), 100)
        return [json.loads(each.body)["delivery_id"] for each in page.deliveries]

    first, second = ids(b"a@example.com,A\nb@example.com,B\n")
    assert ids(b'\n\nb@example.com,"B"\r\na@example.com,A') == [second, first]
    assert first != second


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        (b'{"email": "a@example.com"}', None),
        (b'\xef\xbb\xbf{"email": "a@example.com"}\r', None),
        (b"{broken", "not JSON: "),
        (b"[1]", "must be a JSON object"),
        (b'{"a": 1, "a": 2}', "not JSON that can be read: a key stands twice"),
        (b"[" * 100_000, "not JSON that can be read: "),
        (b'{"a": "\xe9"}', "not UTF-8 at byte 7"),
    ],
)
def test_a_line_of_json_is_an_object_or_told_to_be_none(line: bytes, becomes: str | None) -> None:
    (page,) = pages(Lines(io.BytesIO(line)), Ndjson(), Deliveries(None, None, history=False), 100)
    if becomes is None:
        assert [json.loads(each.body)["email"] for each in page.deliveries] == ["a@example.com"]
    else:
        assert page.deliveries == []
        assert [each.reason[: len(becomes)] for each in page.broken] == [becomes]
