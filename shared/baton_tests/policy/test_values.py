"""What a sender writes into a declared field, and what becomes of it."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.events import Scalar
from baton.policy.definitions import CustomField, CustomValueError
from baton.policy.values import ValueKind, coerced, comparable, typed


@pytest.mark.parametrize(
    ("kind", "sent", "kept"),
    [
        (ValueKind.TEXT, "abc", "abc"),
        (ValueKind.TEXT, " abc ", " abc "),
        (ValueKind.TEXT, 42, "42"),
        (ValueKind.TEXT, "  ", None),
        (ValueKind.TEXT, None, None),
        (ValueKind.INTEGER, 42, 42),
        (ValueKind.INTEGER, 42.0, 42),
        (ValueKind.INTEGER, " 42 ", 42),
        (ValueKind.INTEGER, "-7", -7),
        (ValueKind.INTEGER, "", None),
        (ValueKind.INTEGER, 2**63 - 1, 2**63 - 1),
        (ValueKind.NUMBER, 0.1, 0.1),
        (ValueKind.NUMBER, 3, 3),
        (ValueKind.NUMBER, "2.50", 2.5),
        (ValueKind.NUMBER, "3", 3),
        (ValueKind.BOOLEAN, True, True),
        (ValueKind.BOOLEAN, "Yes", True),
        (ValueKind.BOOLEAN, " FALSE ", False),
        (ValueKind.DATE, "2026-01-31", "2026-01-31"),
        (ValueKind.DATE, " 2026-01-31 ", "2026-01-31"),
        (ValueKind.TIME, "2026-01-31T10:00:00+01:00", "2026-01-31T09:00:00Z"),
        (ValueKind.TIME, "2026-01-31T09:00:00Z", "2026-01-31T09:00:00Z"),
    ],
)
def test_what_fits_is_kept(kind: ValueKind, sent: object, kept: Scalar) -> None:
    assert coerced(kind, sent) == kept
    assert type(coerced(kind, sent)) is type(kept)


@pytest.mark.parametrize(
    ("kind", "sent", "reason"),
    [
        (ValueKind.TEXT, True, "must be text, not true"),
        (ValueKind.TEXT, 1.5, "must be text, not the number 1.5"),
        (ValueKind.TEXT, ["a"], "must be text, not a list"),
        (ValueKind.TEXT, {"a": 1}, "must be text, not a mapping"),
        (ValueKind.TEXT, "x" * 10_001, f"must be text, not the text '{'x' * 80}'"),
        (ValueKind.INTEGER, "many", "must be a whole number, not the text 'many'"),
        (ValueKind.INTEGER, "1.5", "must be a whole number, not the text '1.5'"),
        (ValueKind.INTEGER, 1.5, "must be a whole number, not the number 1.5"),
        (ValueKind.INTEGER, True, "must be a whole number, not true"),
        (ValueKind.INTEGER, 2**63, "must be a whole number, not the number 9223372036854775808"),
        (ValueKind.INTEGER, "\u0661", "must be a whole number, not the text '\u0661'"),
        (ValueKind.NUMBER, float("nan"), "must be a number, not the number nan"),
        (ValueKind.NUMBER, float("inf"), "must be a number, not the number inf"),
        (ValueKind.NUMBER, "1,5", "must be a number, not the text '1,5'"),
        (ValueKind.BOOLEAN, 1, "must be true or false, not the number 1"),
        (ValueKind.BOOLEAN, "maybe", "must be true or false, not the text 'maybe'"),
        (
            ValueKind.DATE,
            "31.1.2026",
            "must be a date such as 2026-01-31, not the text '31.1.2026'",
        ),
        (
            ValueKind.TIME,
            "0001-01-01T00:00:00+14:00",  # before the first year that there is in UTC
            "must be a time with its offset, such as 2026-01-31T09:00:00Z, "
            "not the text '0001-01-01T00:00:00+14:00'",
        ),
        (ValueKind.DATE, 20260131, "must be a date such as 2026-01-31, not the number 20260131"),
        (
            ValueKind.TIME,
            "2026-01-31T09:00:00",
            "must be a time with its offset, such as 2026-01-31T09:00:00Z, "
            "not the text '2026-01-31T09:00:00'",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_the_field_s_name(
    kind: ValueKind, sent: object, reason: str
) -> None:
    field = CustomField(name="extra", label="Extra", type=kind, personal=False)
    with pytest.raises(CustomValueError) as refused:
        field.coerce(sent)
    assert (refused.value.name, refused.value.reason) == ("extra", reason)
    assert str(refused.value) == f"custom.extra {reason}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("DE", "de"),
        (" Straße", "STRASSE "),
        ("M\u00fcller", "Mu\u0308ller"),
        ("\u0130", "i\u0307"),
    ],
)
def test_texts_compare_whatever_their_case_and_writing(first: str, second: str) -> None:
    assert comparable(first) == comparable(second)


@given(st.text())
def test_what_is_comparable_stays_so(text: str) -> None:
    assert comparable(comparable(text)) == comparable(text)


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.dates().map(str),
    st.datetimes().map(str),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(), st.integers(), max_size=2),
)


@given(st.sampled_from(ValueKind), anything)
def test_what_was_kept_once_fits_for_good(kind: ValueKind, sent: object) -> None:
    field = CustomField(name="extra", label="Extra", type=kind, personal=False)
    try:
        kept = field.coerce(sent)
    except CustomValueError:
        return
    assert field.coerce(kept) == kept
    assert (typed(kind, kept) is None) is (kept is None)


@given(st.datetimes(timezones=st.timezones()), st.dates())
def test_times_and_dates_survive_being_kept(moment: datetime, day: date) -> None:
    assert typed(ValueKind.DATE, coerced(ValueKind.DATE, day.isoformat())) == day
    if datetime(2, 1, 1, tzinfo=UTC) < moment < datetime(9999, 1, 1, tzinfo=UTC):
        kept = typed(ValueKind.TIME, coerced(ValueKind.TIME, moment.isoformat()))
        assert kept == moment.astimezone(UTC)
