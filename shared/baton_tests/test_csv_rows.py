"""CSV as the tools of marketing write it, and as they should not."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.csv_rows import BrokenRow, Row, Rows, delimiter_of

LIMIT = 1_000


def rows_of(text: str | bytes, limit: int = LIMIT) -> list[Row | BrokenRow]:
    raw = text.encode() if isinstance(text, str) else text
    rows = Rows(",", limit)
    found: list[Row | BrokenRow] = []
    for number, line in enumerate(raw.removesuffix(b"\n").split(b"\n"), start=1):
        found += rows.add(number, line)
    return [*found, *rows.end()]


def told(text: str | bytes, limit: int = LIMIT) -> list[tuple[int, list[str] | str]]:
    """By line: the cells, or what is wrong."""
    return [
        (row.line, list(row.cells) if isinstance(row, Row) else row.reason)
        for row in rows_of(text, limit)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n", [(1, ["a", "b"])]),
        ("a,b\r\nc,d\r\n", [(1, ["a", "b"]), (2, ["c", "d"])]),
        ('"a,1","b ""2"""\n', [(1, ["a,1", 'b "2"'])]),
        ('"a\nb",c\nd,e\n', [(1, ["a\nb", "c"]), (3, ["d", "e"])]),
        ('"a\r\n\r\nb",c\r\nd,e', [(1, ["a\r\n\r\nb", "c"]), (4, ["d", "e"])]),
        ("a,,\n\nb", [(1, ["a", "", ""]), (2, []), (3, ["b"])]),
        (
            '5" pipe,x\na,b\n7" pipe,y\n',
            [(1, ['5" pipe', "x"]), (2, ["a", "b"]), (3, ['7" pipe', "y"])],
        ),
        ("ä,ß", [(1, ["ä", "ß"])]),
    ],
)
def test_rows_are_read_with_the_line_where_they_begin(
    text: str, expected: list[tuple[int, list[str]]]
) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('ok,1\n"stray,2\nok,3\nok,4\n', 2, "a quoted cell has no end"),
        ('ok,1\n"a"b,2\nok,3\nok,4\n', 2, "not CSV: ',' expected after '\"'"),
        ('ok,1\n"stray,2\nok,3\nok,"4"\n', 2, "a quoted cell has no end"),
        (b"ok,1\n\xe4,2\nok,3\nok,4\n", 2, "not UTF-8 at byte 0 of the row"),
    ],
)
def test_a_broken_row_costs_its_own_line_alone(text: str | bytes, line: int, reason: str) -> None:
    assert told(text) == [
        (1, ["ok", "1"]),
        (line, reason),
        (3, ["ok", "3"]),
        (4, ["ok", "4"]),
    ]


def test_a_stray_quote_swallows_no_more_than_a_row_may_have() -> None:
    text = '"stray\n' + "ok,1\n" * 500
    found = told(text, limit=100)
    assert found[0] == (1, "a quoted cell has no end")
    assert found[1:] == [(n, ["ok", "1"]) for n in range(2, 502)]


def test_stray_quotes_in_every_line_are_read_in_time_that_grows_with_the_lines() -> None:
    assert len(rows_of('"""\n' * 3_000, limit=10**6)) <= 3_000
    assert len(rows_of('a"\nb\n' * 3_000, limit=10**6)) == 6_000


CELLS = st.text(st.sampled_from('ab ä,;"\n'), max_size=6)


@given(table=st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=8))
def test_what_was_written_as_csv_is_read_as_it_was(table: list[list[str]]) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(table)
    found = rows_of(written.getvalue())
    if not table:
        assert found == [Row(1, b"", [])]
        return
    assert [list(row.cells) for row in found if isinstance(row, Row)] == table


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        (b"email", ","),
        (b"email,first_name", ","),
        (b"email;first_name;last_name", ";"),
        (b"email\tfirst_name", "\t"),
        (b'"a,b,c";d', ";"),
    ],
)
def test_the_header_shows_what_stands_between_cells(header: bytes, delimiter: str) -> None:
    assert delimiter_of(header) == delimiter
