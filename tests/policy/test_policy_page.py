"""docs/policy.md has every key, field and value that a bundle can have."""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import pytest

from baton.manifest import manifests
from baton.policy.compiling import COMBINATIONS, OPERATORS
from baton.policy.document import parse
from baton.policy.fields import vocabulary
from baton.policy.model import PolicyModel
from baton.policy.values import ValueKind
from baton.policy_sections import policy_sections

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text("utf-8")
MODELS = {section.file: section.model for section in policy_sections()}


def words_of(annotation: Any) -> Iterator[str]:
    """The keys of a model and of those within it, and the values of their enumerations."""
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        yield from annotation
    elif isinstance(annotation, type) and issubclass(annotation, PolicyModel):
        yield from annotation.model_fields
        for field in annotation.model_fields.values():
            yield from words_of(field.annotation)
    else:
        for argument in get_args(annotation):
            yield from words_of(argument)


@pytest.mark.parametrize("file", MODELS)
def test_every_key_and_every_word_of_a_file_is_explained(file: str) -> None:
    assert {word for word in words_of(MODELS[file]) if f"`{word}`" not in PAGE} == set()


def test_every_field_and_comparison_is_explained() -> None:
    known = vocabulary({})
    fields = {*known.staged, *known.activity}
    values = {choice for each in known.staged.values() for choice in each.choices}
    words = fields | values | {*OPERATORS, *COMBINATIONS, *ValueKind}
    assert {word for word in words if f"`{word}`" not in PAGE} == set()


def test_every_example_is_yaml_as_it_is_read_here() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) > len(MODELS)
    assert [problem for each in examples for problem in parse("example", each)[1]] == []


@pytest.mark.parametrize("file", MODELS)
def test_every_file_s_example_has_only_what_its_file_can_have(file: str) -> None:
    section = PAGE.split(f"## {file}\n")[1]
    document, _ = parse(file, section.split("```yaml\n")[1].split("```")[0])
    known = vocabulary({"budget": ValueKind.INTEGER}, ("A", "B"))
    assert isinstance(MODELS[file].model_validate(document.data, context=known), MODELS[file])


def test_the_page_says_which_services_read_a_file() -> None:
    table = PAGE.split("  | file | read by |\n")[1].split("\n\n")[0]
    rows = dict(re.findall(r"\| `(\w+\.yaml)` \| (.*) \|", table))
    assert rows.keys() == MODELS.keys()
    readers: dict[str, set[str]] = {file: set() for file in MODELS}
    for service in manifests():
        assert service.consumer is not None
        for section in service.consumer().reads:
            readers[section.file].add(service.name)
    names = {service.name for service in manifests()}
    told = {file: names & set(re.findall(r"`([^`]+)`", row)) for file, row in rows.items()}
    assert told == readers
