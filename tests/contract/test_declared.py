"""What the contract declares is written by some part of Baton."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from baton import events, topics
from baton.events import EventData

ROOT = Path(__file__).parents[2]
PRODUCT = ("shared/baton", "cli", "services/*/[!t]*")


def sources() -> Iterator[Path]:
    for part in PRODUCT:
        for directory in ROOT.glob(part):
            yield from directory.rglob("*.py")


@pytest.fixture(scope="module")
def made() -> frozenset[str]:
    """The names of all classes and functions that the product's code calls."""
    return frozenset(
        call.func.id
        for path in sources()
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    )


@pytest.mark.parametrize("model", events.ALL, ids=lambda model: model.event_type)
def test_each_declared_type_is_made_somewhere(model: type[EventData], made: frozenset[str]) -> None:
    assert model.__name__ in made


@pytest.mark.parametrize("topic", topics.ALL, ids=lambda topic: topic.name)
def test_each_declared_topic_carries_a_type(topic: topics.Topic) -> None:
    assert any(model.topic is topic for model in events.ALL)
