"""A file of a service and a class of the runtime are short, since each is about one thing."""

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ROOT / "services"
RUNTIME = ROOT / "shared" / "baton" / "runtime"
MOST = 300
"""Lines."""

REASONS: Mapping[str, str] = {
    "routing/routing/domain/choice.py": "the choice of a rep, which is read from its first step on",
    "routing/routing/domain/handling.py": "one class: what an input can change stands together",
    "scoring/scoring/domain/state.py": "what scoring keeps on a lead, in one model",
}

FILES = {
    str(path.relative_to(SERVICES)): len(path.read_text("utf-8").splitlines())
    for path in sorted(SERVICES.rglob("*.py"))
    if not any(part.endswith("_tests") for part in path.parts)
}
"""Without the tests, some of which are long tables of examples."""


def test_files_were_found() -> None:
    assert len(FILES) > 100


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_short_or_has_a_reason(file: str) -> None:
    assert FILES[file] <= MOST or file in REASONS


@pytest.mark.parametrize("file", REASONS)
def test_a_reason_that_is_no_longer_needed_goes(file: str) -> None:
    assert FILES[file] > MOST


CLASSES = {
    f"{path.name} {node.name}": (node.end_lineno or 0) - node.lineno + 1
    for path in sorted(RUNTIME.glob("*.py"))
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    if isinstance(node, ast.ClassDef)
}


def test_classes_were_found() -> None:
    assert len(CLASSES) > 50


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_of_the_runtime_is_short(name: str) -> None:
    assert CLASSES[name] <= MOST
