"""Columns that are named as the fields of a lead."""

import pytest

from baton.lead_table import Columns, UnusableColumnsError, UnusableRowError, document


def test_dotted_names_make_the_parts_of_a_lead() -> None:
    assert document(
        {
            "email": "a@example.com",
            "contact.job_title": "CTO",
            "contact.country": "DE",
            "custom.seats": "5",
            "utm.source": "mail",
            "badge.": "7",
        }
    ) == {
        "email": "a@example.com",
        "contact": {"job_title": "CTO", "country": "DE"},
        "custom": {"seats": "5"},
        "utm.source": "mail",
        "badge.": "7",
    }


def test_empty_cells_are_absent() -> None:
    assert Columns.of([" email ", "first_name", ""]).named(["a@example.com", "  ", ""]) == {
        "email": "a@example.com"
    }


@pytest.mark.parametrize(
    ("header", "column", "reason"),
    [
        ([], "header", "must name the columns"),
        (["", " "], "header", "must name the columns"),
        (["email", "contact"], "contact", "name one of them"),
        (["email", "x", "email "], "email", "stands twice"),
    ],
)
def test_a_header_that_is_no_use_is_told_by_its_column(
    header: list[str], column: str, reason: str
) -> None:
    with pytest.raises(UnusableColumnsError, match=reason) as wrong:
        Columns.of(header)
    assert wrong.value.column == column


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["a"], "has 1 cells, and the header 2"),
        (["a", "", "b"], "has 3 cells, and the header 2"),
        (["a", "b"], "something in column 2, which has no name"),
    ],
)
def test_a_row_that_does_not_fit_its_header_says_how(cells: list[str], reason: str) -> None:
    with pytest.raises(UnusableRowError, match=reason):
        Columns.of(["email", ""]).named(cells)
