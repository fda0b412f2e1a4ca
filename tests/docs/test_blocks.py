"""Each block of a page is of a known kind, and each command is run by a test or says why not."""

import re

import pytest

from tests.docs.blocks import LANGUAGES, Block, blocks, pages

BLOCKS = [block for page in pages() for block in blocks(page)]
MARKS = re.compile(r"not run: \S.{9,}|file: [\w.-]+|adds to: [\w.-]+(?: before [\w-]+)?")

each_block = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)


@each_block
def test_a_block_names_its_language(block: Block) -> None:
    assert block.language in LANGUAGES


@each_block
def test_a_mark_says_what_a_test_does_with_the_block(block: Block) -> None:
    assert not block.mark or MARKS.fullmatch(block.mark)


def test_most_commands_are_run() -> None:
    commands = [block for block in BLOCKS if block.language == "sh"]
    assert len([block for block in commands if block.is_run]) * 2 > len(commands)
