"""What is wrong with a policy is said before anything that takes a while."""

import shutil
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from baton_local.background import Background
from baton_local.errors import StackError
from baton_local.services import BUNDLE


def test_a_bundle_that_cannot_be_used_is_told_with_file_and_line_and_starts_nothing(
    tmp_path: Path,
) -> None:
    bundle, run = tmp_path / "bundle", tmp_path / "run"
    shutil.copytree(BUNDLE, bundle)
    (bundle / "sla.yaml").write_text("# a comment\npolicies: none\n")
    console = Console(file=StringIO())
    baton = Background(console, 0, run=run, bundle=bundle)
    with pytest.raises(StackError, match=r"^sla\.yaml:2: "):
        baton.up()
    assert not baton.stack().running()
    baton.stack().remove()
