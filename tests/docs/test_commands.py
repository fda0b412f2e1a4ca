"""The commands of the pages do what a reader expects: they end without an error."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, blocks, pages
from tests.docs.merging import add

pytestmark = pytest.mark.trial

PAGES = [page for page in pages() if any(block.is_run for block in blocks(page))]
SECONDS = 300


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_can_be_typed_in_their_order(
    page: Path, checkout: Path, environment: Mapping[str, str]
) -> None:
    for block in blocks(page):
        kind, _, operand = block.mark.partition(": ")
        if kind == "file":
            (checkout / operand).write_text(block.text)
        elif kind == "adds to":
            name, _, before = operand.partition(" before ")
            add(checkout / "my-policy" / name, block.text, before or None)
        elif block.is_run:
            run(block, checkout, environment)


def run(block: Block, checkout: Path, environment: Mapping[str, str]) -> None:
    """Run the block as a reader's shell would, and fail at its first command that fails."""
    done = subprocess.run(
        ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", block.text],
        cwd=checkout,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{block.place}\n{block.text}\n{done.stdout}\n{done.stderr}"
