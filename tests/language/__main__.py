"""Reports the share of long sentences in the documentation, and the most used names on request.

python -m tests.language [--names NUMBER]
"""

import argparse

from rich.console import Console
from rich.table import Table

from tests.language.names import most_used
from tests.language.sentences import LONG_SENTENCE_WORDS, Lengths, lengths
from tests.language.sources import ROOT, pages, product_files


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.language", description=__doc__)
    parser.add_argument("--names", type=int, metavar="NUMBER", help="list the most used names")
    options = parser.parse_args()
    console = Console()
    if options.names:
        for name, count in most_used(product_files(), options.names):
            console.print(name, count)
        return
    table = Table("page", "sentences", f"over {LONG_SENTENCE_WORDS} words", "share")
    total = Lengths(0, 0)
    for page in pages():
        measured = lengths(page.read_text("utf-8"))
        total += measured
        table.add_row(*_cells(str(page.relative_to(ROOT)), measured))
    table.add_section()
    table.add_row(*_cells("all pages", total))
    console.print(table)


def _cells(name: str, measured: Lengths) -> tuple[str, ...]:
    return name, str(measured.sentences), str(measured.long), f"{measured.share:.1%}"


if __name__ == "__main__":
    main()
