"""Markdown pages that are written by hand, with parts between marks that are filled in."""

import re
from collections.abc import Mapping, Sequence


def fill(page: str, parts: Mapping[str, str], by: str = "baton.contracts") -> str:
    """The page with what stands between the marks of each part replaced.

    `by` is who makes the parts, as the marks say. Raises ValueError where the page lacks a mark.
    """
    for name, text in parts.items():
        begin, end = f"<!-- {name}: made by {by} -->", f"<!-- end of {name} -->"
        found = re.search(f"{re.escape(begin)}.*?{re.escape(end)}", page, re.DOTALL)
        if found is None:
            raise ValueError(f"the page has no marks {begin} and {end}")
        page = f"{page[: found.start()]}{begin}\n{text}\n{end}{page[found.end() :]}"
    return page


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; a cell's bars and line breaks don't end it."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
