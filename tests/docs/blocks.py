"""The fenced blocks of a page, each with the mark that says what a test does with it.

A mark is an HTML comment on the line before the block:

- `<!-- not run: REASON -->`: commands that no test can run here, for a stated reason.
- `<!-- file: NAME -->`: the block is the content of this file, which later commands use.
- `<!-- adds to: NAME -->` or `<!-- adds to: NAME before ID -->`: YAML that is added to this file of
  the folder `my-policy`, new list entries before the entry with this id.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LANGUAGES = frozenset({"sh", "yaml", "csv", "json", "python", "go", "toml", "text"})

_BLOCK = re.compile(
    r"(?:^ *<!-- (?P<mark>(?:not run|file|adds to): [^\n]*?) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """`line` is that of the opening fence; `mark` is empty if there is none."""

    page: Path
    line: int
    language: str
    mark: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_run(self) -> bool:
        return self.language == "sh" and not self.mark.startswith("not run: ")


def pages() -> list[Path]:
    return [
        *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING")),
        *sorted((ROOT / "docs").rglob("*.md")),
    ]


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        indent = len(found["indent"])
        lines = (line[indent:] for line in found["text"].splitlines(keepends=True))
        line = text.count("\n", 0, found.start("language")) + 1
        yield Block(page, line, found["language"], found["mark"] or "", "".join(lines))
