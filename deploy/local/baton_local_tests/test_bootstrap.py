"""Setup runs before anything is installed, on whatever Python is there."""

import importlib.util
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def bootstrap() -> ModuleType:
    path = Path(__file__).parents[1] / "bootstrap.py"
    specification = importlib.util.spec_from_file_location("bootstrap", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_an_old_python_is_told_what_is_needed(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit, match=r"Python 3\.11 or newer.*make PYTHON="):
        bootstrap.require_python()


def test_the_first_package_is_held_to_the_hashes_of_the_lock_file(bootstrap: ModuleType) -> None:
    first, *hashes = bootstrap.locked("uv").strip().splitlines()
    assert first.startswith("uv==")
    assert hashes
    assert all(line.strip().startswith(("--hash=sha256:", "#")) for line in hashes)


def test_every_member_of_the_workspace_is_installed(bootstrap: ModuleType) -> None:
    root = Path(bootstrap.ROOT)
    tools = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]
    patterns = tools["uv"]["workspace"]["members"]
    definitions = [file for each in patterns for file in root.glob(f"{each}/pyproject.toml")]
    members = {str(file.parent.relative_to(root)) for file in definitions}
    assert members == set(bootstrap.MEMBERS)
