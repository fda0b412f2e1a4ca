"""A page is read as sentences."""

import pytest

from tests.language.sentences import Lengths, lengths, sentences


@pytest.mark.parametrize(
    ("page", "parts"),
    [
        (
            "The lead is new. Who has it today? `baton explain` names the owner.",
            ["The lead is new.", "Who has it today?", "code names the owner."],
        ),
        ("# A head of words\nand its text\ngoes on.", ["A head of words", "and its text goes on."]),
        (
            "- an item of words\n- another item of words",
            ["an item of words", "another item of words"],
        ),
        ("| a cell of words | 12 |\n|---|---|\n", ["a cell of words"]),
        ("See [the page](x.md) on `a b c`.", ["See the page on code."]),
        (
            "It stands before it.\n```\nno. prose.\n```\nIt stands after it.",
            ["It stands before it.", "It stands after it."],
        ),
    ],
)
def test_a_sentence_ends_with_its_paragraph_item_or_cell(page: str, parts: list[str]) -> None:
    assert [sentence.strip() for sentence in sentences(page)] == parts


def test_a_long_sentence_is_counted() -> None:
    page = " ".join(["word"] * 31) + ". " + " ".join(["Word"] * 30) + "."
    assert lengths(page) == Lengths(sentences=2, long=1)
