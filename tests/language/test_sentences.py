"""The documentation is written in short sentences."""

from pathlib import Path

import pytest

from tests.language.sentences import Lengths, lengths, sentences
from tests.language.sources import ROOT, pages

MAX_LONG_SHARE = 0.05


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_at_most_one_sentence_in_twenty_has_more_than_thirty_words(page: Path) -> None:
    assert lengths(page.read_text("utf-8")).share <= MAX_LONG_SHARE


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
