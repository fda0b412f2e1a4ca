"""How the releases of these tests are made."""

from pathlib import Path

import pytest

from baton_local.paths import ROOT
from tests.releases.newer import EDITS, SERVICE
from tests.releases.release import Edit, EditError, Release

FILE = "shared/baton/topics.py"


def test_the_newer_release_is_a_copy_with_each_edit(tmp_path: Path) -> None:
    Release.copy(SERVICE, tmp_path, EDITS)
    for file in {edit.file for edit in EDITS}:
        edited = (tmp_path / file).read_text()
        assert edited != (ROOT / file).read_text()
        compile(edited, file, "exec")


@pytest.mark.parametrize(
    ("file", "anchor", "count"),
    [(FILE, "no such text", 0), (FILE, "\n", "[0-9]+"), ("shared/baton/gone.py", "import", 0)],
    ids=["missing", "not unique", "no file"],
)
def test_an_edit_whose_anchor_is_not_there_once_is_refused(
    file: str, anchor: str, count: object, tmp_path: Path
) -> None:
    with pytest.raises(EditError, match=f"{file} has this text {count} times, not once"):
        Release.copy(SERVICE, tmp_path, [Edit(file, anchor, "")])


def test_a_process_that_would_load_other_packages_is_refused(tmp_path: Path) -> None:
    release = Release(SERVICE, tmp_path)
    with pytest.raises(ImportError, match=f"not from {tmp_path}"):
        release.require_its_own_code()
