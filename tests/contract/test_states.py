"""A state that a newer release wrote without using what is new in it is read by an older one."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from baton.manifest import manifests

STATES = {
    f"{service.name}, {kind}": model
    for service in manifests()
    if service.consumer
    for kind, model in service.consumer().store.states.items()
}


def models(found: Any, seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """The models that a type is made of, each once."""
    for part in get_args(found):
        yield from models(part, seen)
    if isinstance(found, type) and issubclass(found, BaseModel) and found not in seen:
        seen.add(found)
        yield found
        for field in found.model_fields.values():
            yield from models(field.annotation, seen)


@pytest.mark.parametrize("state", STATES)
def test_a_field_that_this_release_does_not_know_is_passed_over(state: str) -> None:
    for model in models(STATES[state], set()):
        assert model.model_config.get("extra") != "forbid", model
