"""JSON at the edge: one meaning, or a refusal that says where."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from ingest.documents import checked, read
from ingest.errors import RejectedError, UnreadableError

DEEP = 32


def nested(levels: int) -> bytes:
    return b'{"a":' * (levels - 1) + b"{}" + b"}" * (levels - 1)


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (b"", "line 1 column 1"),
        (b"{", "line 1 column 2"),
        (b'{"a": 1,\n "b" 2}', "line 2 column 6"),
        (b'{"a": nul}', "line 1 column 7"),
        (b'{"a": "\x00"}', "line 1 column 8"),
        (b'{"a": "\xff"}', "byte 7"),
        (b"\xff\xfe{\x00}\x00", "byte 0"),
        (b"\xef\xbb\xbf{}", "line 1 column 1"),
        (b"{} {}", "line 1 column 4"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(raw: bytes, where: str) -> None:
    with pytest.raises(UnreadableError, match=where):
        read(raw)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"a": {"email": 1, "email": 2}}', "email"),
        (b'{"a": ["x", "\\u0000"]}', "a.1"),
        (b'{"a": {"b\\u0000": 1}}', r"a.b\0"),
        (b'{"a": {"b": "\\ud800"}}', "a.b"),
        (b'{"a\\udfff": 1}', r"a\udfff"),
        (b'{"a": NaN}', "a"),
        (b'{"a": [-Infinity]}', "a.0"),
        (b'{"a": 1e999}', "a"),
        (b'{"a": 9223372036854775808}', "a"),
        (b'{"a": ' + b"9" * 100_000 + b"}", "a"),
        (nested(DEEP + 1), ".".join("a" * DEEP)),
        (b"[" * 100_000 + b"]" * 100_000, "body"),
    ],
)
def test_what_readers_disagree_on_is_refused_with_its_field(raw: bytes, field: str) -> None:
    with pytest.raises(RejectedError) as refused:
        read(raw)
    assert refused.value.field == field
    assert refused.value.field.encode()


def test_what_is_nested_as_deep_as_events_may_be_is_read() -> None:
    assert read(nested(DEEP)) == json.loads(nested(DEEP))


def test_the_largest_integers_are_read_exactly() -> None:
    assert read(b"[9223372036854775807, -9223372036854775808]") == [2**63 - 1, -(2**63)]


def test_a_key_that_stands_twice_among_many_is_found_in_linear_time() -> None:
    keys = ",".join(f'"k{n}": 1' for n in range(100_000))
    with pytest.raises(RejectedError) as refused:
        read(f'{{{keys}, "k99999": 1}}'.encode())
    assert refused.value.field == "k99999"


def test_a_long_key_is_named_by_its_beginning() -> None:
    with pytest.raises(RejectedError) as refused:
        read(b'{"' + b"k" * 10_000 + b'": NaN}')
    assert len(refused.value.field or "") < 1_000


@given(st.binary())
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        read(raw)
    except RejectedError:
        return


SENDABLE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
            inner,
            max_size=3,
        )
    ),
    max_leaves=20,
)


@given(SENDABLE)
def test_what_can_be_sent_is_read_as_it_was_sent(value: JsonValue) -> None:
    found = read(json.dumps(value).encode())
    assert found == value or (isinstance(value, float) and math.isclose(value, found))  # type: ignore[arg-type]  # a float then, as the value


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A text of JSON in lists and objects, up to deeper than is allowed."""
    deep = st.tuples(inner, st.integers(1, DEEP + 2)).map(
        lambda of: "[" * of[1] + of[0] + "]" * of[1]
    )
    return deep | inner.map(lambda text: f'{{"a": {text}, "b": [{text}]}}')


ODD = (
    *("1e400", "-1E+400", "9" * 400 + ".5", "9223372036854775807", "9223372036854775808", "NaN"),
    *(
        "-Infinity",
        '"\\u0000"',
        '"\\ud800"',
        '"\\ud83d\\ude00"',
        '"\U0001f600"',
        '"\\\\u0000"',
        "1.5",
        "7",
    ),
)


@given(st.recursive(st.sampled_from(ODD), _nested, max_leaves=50))
def test_what_is_not_looked_at_closely_has_nothing_to_be_refused(text: str) -> None:
    document = json.loads(text)
    try:
        closely = checked(document)
    except RejectedError:
        with pytest.raises(RejectedError):
            read(text.encode())
    else:
        assert read(text.encode()) == closely
