"""The library serves every service and every vendor, so it knows none of them by name."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from baton.manifest import manifests
from ingest.senders.catalogue import SENDERS

LIBRARY = Path(__file__).parents[2] / "shared" / "baton"
MODULES = sorted(LIBRARY.rglob("*.py"))

SERVICES = frozenset(service.package for service in manifests())
NO_VENDORS = frozenset(
    {
        # Standards and Baton's own ways to sign.
        "cloudevents",
        "generic",
        "hub_signature",
        "standard_webhooks",
        "workflow",
        # Words of English, of Kafka and of structlog.
        "make",
        "meta",
        "segment",
    }
)
VENDORS = frozenset(SENDERS) - NO_VENDORS


def words(text: str) -> list[str]:
    """`SlaMonitor`, `sla_monitor` and `sla-monitor` have the same two."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", text)]


def names_in(text: str, names: frozenset[str]) -> Iterator[str]:
    found = f" {' '.join(words(text))} "
    yield from (name for name in names if f" {' '.join(words(name))} " in found)


def texts_of(tree: ast.Module) -> Iterator[str]:
    """All identifiers and string constants of a module, without its docstrings."""
    docstrings = set(map(id, docstrings_of(tree)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and id(node) not in docstrings:
                yield node.value
            continue
        # Whatever kind of node it is, its identifiers are its fields that are text.
        for _, value in ast.iter_fields(node):
            element = value if isinstance(value, list) else [value]
            yield from (text for text in element if isinstance(text, str))


def docstrings_of(tree: ast.Module) -> Iterator[ast.expr]:
    """A string that stands alone is a docstring, of a field too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def known_by(source: str, path: str) -> set[str]:
    texts: Sequence[str] = [*texts_of(ast.parse(source)), path]
    return {name for text in texts for name in names_in(text, SERVICES | VENDORS)}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_no_module_of_the_library_names_a_service_or_a_vendor(module: Path) -> None:
    path = str(module.relative_to(LIBRARY))
    known = known_by(module.read_text("utf-8"), path)
    assert known == set()


@pytest.mark.parametrize(
    "source",
    [
        "import sla_monitor.tables",
        "from ingest import api",
        "class IngestMetrics: ...",
        "def of_scoring(): ...",
        "def f(hubspot_id): ...",
        "table = 'sla-monitor'",
        "table = f'{prefix}routing.decision'",
        "match kind:\n    case Google_Ads(): ...",
        "print(where.salesforce)",
        "f(pipedrive=1)",
    ],
)
def test_a_name_is_seen_wherever_it_stands(source: str) -> None:
    assert known_by(source, "module.py")


def test_words_that_only_contain_a_name_and_prose_are_not_taken_for_it() -> None:
    assert known_by('"""What routing does."""\nrerouting = "ingestion"', "module.py") == set()
