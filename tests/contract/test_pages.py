"""The pages say nothing that isn't there: commands, links, settings, metrics, messages."""

import ast
import importlib.util
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from prometheus_client import CollectorRegistry
from typer.core import TyperGroup

from baton.contracts import operations
from baton.manifest import manifests
from baton.metrics import HttpMetrics, RuntimeMetrics
from baton.runtime import housekeeping
from baton.times import Times
from baton_cli.main import app
from baton_cli.service import Service
from baton_cli.settings import ClientSettings, IdSettings
from baton_local.given_servers import FROM_STACK
from baton_local.services import secret_names

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "docs/contracts/README.md",
]
DATED_PAGES = [ROOT / "CHANGELOG.md", *sorted((ROOT / "docs/decisions").glob("*.md"))]
"""Pages about a day: a command or setting that they name may be gone, but their links work."""
OPERATIONS = ROOT / "docs/operations.md"
SOURCES = [
    path
    for folder in ("shared/baton", "services", "cli/baton_cli", "deploy/local")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not any(part.endswith("_tests") for part in path.relative_to(ROOT).parts)
]
ANYTHING = "…"
"""What stands in a message, in the code and on a page, where a name or a number is filled in."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def blocks(page: Path) -> Iterator[str]:
    """The lines of the fenced blocks that hold commands, and the spans within the text."""
    text = text_of(page)
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE):
        yield from (line.strip() for line in block.splitlines())
    yield from spans(text)


def spans(text: str) -> list[str]:
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"`([^`\n]+)`", prose)


# --- commands


@each_page
def test_every_make_target_that_a_page_names_is_there(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    asked = [line.split()[1] for line in blocks(page) if re.match(r"make [a-z]", line)]
    assert set(asked) <= targets


@each_page
def test_every_command_of_baton_that_a_page_names_is_there_with_its_options(page: Path) -> None:
    assert [problem for line in commands_in(page) for problem in faults(line)] == []


def commands_in(page: Path) -> Iterator[str]:
    for line in blocks(page):
        command = line.partition(" | ")[0]
        if re.match(r"baton (?!down|up)[a-z]", command):
            yield command


def faults(line: str) -> Iterator[str]:
    """What of a command line `baton` does not know."""
    command: Any = typer.main.get_command(app)
    for word in shlex.split(line, comments=True)[1:]:
        if word.startswith("-") and len(word) > 1:
            if word not in {name for element in command.params for name in element.opts}:
                yield f"{line}: {command.name} has no option {word}"
        elif isinstance(command, TyperGroup) and word != "...":
            if word not in command.commands:
                yield f"{line}: there is no command {word}"
                return
            command = command.commands[word]


def test_a_command_that_is_not_there_would_be_seen() -> None:
    assert list(faults("baton policy check DIR")) == []
    assert list(faults("baton policy czech DIR")) != []
    assert list(faults("baton policy check DIR --by WHO")) != []


@each_page
def test_every_module_that_a_page_runs_is_there(page: Path) -> None:
    for module in re.findall(r"python -m ([\w.]+)", text_of(page)):
        assert importlib.util.find_spec(module), module


# --- links and paths


@pytest.mark.parametrize("page", [*PAGES, *DATED_PAGES], ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub links to them."""
    heads = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}


@each_page
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    tops = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != ".")
    named = re.findall(rf"`((?:{tops})/[\w./-]*)`", text_of(page))
    assert [path for path in named if not (ROOT / path).exists()] == []


# --- what the code declares


@cache
def variables() -> frozenset[str]:
    told = {name for name, _, _ in operations.variables(manifests())}
    told |= {f"BATON_TIMES__{name.upper()}" for name in Times.model_fields}
    for settings in (ClientSettings, IdSettings):
        told |= {f"BATON_{name.upper()}" for name in settings.model_fields}
    bundles = ("deploy/policy", "deploy/demo-policy")
    told |= {name for bundle in bundles for name in secret_names(ROOT / bundle)}
    return frozenset({*told, *(service.variable for service in Service), FROM_STACK})


@each_page
def test_every_variable_that_a_page_names_is_read(page: Path) -> None:
    named = set(re.findall(r"\bBATON_[A-Z_]+[A-Z]\b", text_of(page)))
    assert named - variables() == set()


@each_page
def test_every_metric_that_a_page_names_is_declared(page: Path) -> None:
    declared = {
        operations.metric_name(metric) for _, metric in operations.declared_metrics(manifests())
    }
    named = set(re.findall(r"`(baton_[a-z_]+)`", text_of(page)))
    assert named <= declared


def test_every_metric_that_is_declared_is_counted() -> None:
    code = "\n".join(path.read_text("utf-8") for path in SOURCES)
    own = [metrics for service in manifests() for metrics in service.metrics()]
    declared = [
        name
        for metrics in (RuntimeMetrics, HttpMetrics, *own)
        for name in vars(metrics(CollectorRegistry()))
    ]
    assert [name for name in declared if not re.search(rf"\b_?metrics\.{name}\b", code)] == []


def test_the_retention_that_a_page_states_in_words_is_the_code_s() -> None:
    retention = text_of(OPERATIONS).split("## Retention")[1]
    assert f"{housekeeping.INBOX_SPAN.days} days" in retention
    assert f"whole. Kept for {housekeeping.DEAD_LETTERS.days} days" in retention


# --- messages


@cache
def texts() -> str:
    """Every text of the code, a line each, with … for what is filled in."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(map(part, node.values)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(text.replace("\n", " ") for text in found)


def part(value: ast.expr) -> str:
    return str(value.value) if isinstance(value, ast.Constant) else ANYTHING


def log_lines() -> Iterator[str]:
    """What our own code logs at a level that an operator sees to."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(
                        value=ast.Name(id="_LOG"), attr="warning" | "error" | "exception"
                    ),
                    args=[ast.Constant(value=str(text)), *_],
                ):
                    yield text


def first_column(section: str) -> list[str]:
    table = text_of(OPERATIONS).split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [span for row in rows for span in spans(row)]


def test_every_reason_that_the_page_explains_is_one_that_the_code_gives() -> None:
    reasons = [span for span in first_column("What `readyz` says") if span != "webhooks"]
    assert len(reasons) > 10
    assert [element for element in reasons if element.strip(f"{ANYTHING} ") not in texts()] == []


def test_every_log_line_that_the_page_explains_is_one_that_the_code_writes() -> None:
    explained = first_column("What the log says")
    assert len(explained) > 10
    assert [element for element in explained if element not in texts()] == []


def test_every_log_line_that_asks_for_attention_is_explained() -> None:
    assert set(log_lines()) - set(first_column("What the log says")) == set()


def test_every_error_that_the_page_explains_is_one_of_the_code() -> None:
    named = set(re.findall(r"`(\w+Error)`", text_of(OPERATIONS)))
    code = "\n".join(path.read_text("utf-8") for path in SOURCES)
    assert {name for name in named if f"class {name}(" not in code} == set()
    assert named
