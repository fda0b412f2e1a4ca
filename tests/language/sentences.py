"""Sentences of a Markdown page, and how many of them are long."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONG_SENTENCE_WORDS = 30
"""A sentence with more words than this counts as long."""

FEWEST_WORDS = 4
"""Shorter pieces are headings and table cells such as names and numbers, and do not count."""

_FENCE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_CODE = re.compile(r"`[^`\n]*`")
_LIST_MARK = re.compile(r"^\s*(?:[-*]|\d+\.)\s+")
_END = re.compile(
    r"(?<=[.!?])[*_)\"']*\s+(?=[*_(\"'`]*(?:[A-Z0-9]|code\b))|(?<=:)\s+(?=[*_(\"'`]*[A-Z])"
)


@dataclass(frozen=True)
class Lengths:
    sentences: int
    long: int

    def __add__(self, other: "Lengths") -> "Lengths":
        return Lengths(self.sentences + other.sentences, self.long + other.long)

    @property
    def share(self) -> float:
        return self.long / self.sentences if self.sentences else 0.0


def lengths(page: str) -> Lengths:
    """The number of sentences of a page and of those with more than `LONG_SENTENCE_WORDS` words."""
    counts = [words(sentence) for sentence in sentences(page)]
    return Lengths(len(counts), sum(count > LONG_SENTENCE_WORDS for count in counts))


def words(sentence: str) -> int:
    return sum(any(character.isalnum() for character in word) for word in sentence.split())


def sentences(page: str) -> Iterator[str]:
    """The sentences of a page's prose.

    A paragraph, a list item, a heading and a table cell each end a sentence. A piece with fewer
    than `FEWEST_WORDS` words is none. Code in a line counts as one word, a fenced block as none.
    """
    prose = _COMMENT.sub("", _FENCE.sub("", page))
    prose = _CODE.sub("code", _LINK.sub(r"\1", prose))
    for block in _blocks(prose):
        for sentence in _END.split(block):
            if words(sentence) >= FEWEST_WORDS:
                yield sentence


def _blocks(prose: str) -> Iterator[str]:
    paragraph: list[str] = []
    for line in [*prose.splitlines(), ""]:
        is_row = line.lstrip().startswith("|")
        is_heading = line.startswith("#")
        starts_block = not line.strip() or is_row or is_heading or _LIST_MARK.match(line)
        if starts_block and paragraph:
            yield " ".join(paragraph)
            paragraph = []
        if is_row:
            yield from line.split("|")
        elif is_heading:
            yield line.lstrip("# ")
        else:
            paragraph.append(_LIST_MARK.sub("", line).strip())
