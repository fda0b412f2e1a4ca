"""A change that would break a reader of either release is told with the type's and field's name."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, JsonValue, create_model

from baton import events, topics
from baton.contracts import documents, schemas
from baton.contracts.compatibility import Contract, breaks
from baton.contracts.schemas import Document
from baton.events import EventData
from baton.topics import Topic
from baton.values import GrowingEnum, Moment


class Told(EventData):
    event_type: ClassVar[str] = "baton.test.told.v1"
    topic: ClassVar[Topic] = topics.LEAD_CAPTURED


class Part(BaseModel):
    """A part of the data."""

    name: str
    size: int | None = None


class PartWithMore(BaseModel):
    """The same part, later."""

    name: str
    size: int | None = None
    more: str = ""


class PartWithLess(BaseModel):
    name: str


class PartWithNeed(BaseModel):
    name: str
    size: int | None = None
    more: str


class Closed(StrEnum):
    A = "a"
    B = "b"


class ClosedWithMore(StrEnum):
    A = "a"
    B = "b"
    C = "c"


class Growing(GrowingEnum):
    A = "a"
    B = "b"


class GrowingWithMore(GrowingEnum):
    A = "a"
    B = "b"
    C = "c"


def contract(**fields: Any) -> Contract:
    model = create_model("Told", __base__=Told, **fields)
    return Contract({Told.event_type: schemas.of_type(model)}, {})


def told(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [str(found) for found in breaks(contract(**before), contract(**after))]


NEW = "this release could not read what is in the topics already"
OLD = "readers of the older release could not read what this one writes"
EITHER = "readers of either release could not read what the other writes"

BREAKING: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a field removed": (
        {"x": (str, ...)},
        {},
        "x is gone; readers of the older release rely on it",
    ),
    "a field with a default removed": (
        {"x": (str, "")},
        {},
        "x is gone; readers of the older release rely on it",
    ),
    "a field of a part removed": (
        {"x": (Part, ...)},
        {"x": (PartWithLess, ...)},
        "x.size is gone; readers of the older release rely on it",
    ),
    "a field of a part in a list removed": (
        {"x": (tuple[Part, ...], ())},
        {"x": (tuple[PartWithLess, ...], ())},
        "x[].size is gone; readers of the older release rely on it",
    ),
    "a field of a part in a map removed": (
        {"x": (dict[str, Part], ...)},
        {"x": (dict[str, PartWithLess], ...)},
        "x{}.size is gone; readers of the older release rely on it",
    ),
    "a field of a part that may be null removed": (
        {"x": (Part | None, None)},
        {"x": (PartWithLess | None, None)},
        "x.size is gone; readers of the older release rely on it",
    ),
    "a field retyped": (
        {"x": (str, ...)},
        {"x": (int, ...)},
        f"x was string and is integer; {EITHER}",
    ),
    "a field with a default retyped": (
        {"x": (str | None, None)},
        {"x": (int | None, None)},
        f"x was string and is integer; {EITHER}",
    ),
    "a field made a list": (
        {"x": (str, ...)},
        {"x": (tuple[str, ...], ...)},
        f"x was string and is array; {EITHER}",
    ),
    "an element retyped": (
        {"x": (tuple[str, ...], ...)},
        {"x": (tuple[bool, ...], ...)},
        f"x[] was string and is boolean; {EITHER}",
    ),
    "a map's value retyped": (
        {"x": (dict[str, str], ...)},
        {"x": (dict[str, int], ...)},
        f"x{{}} was string and is integer; {EITHER}",
    ),
    "an integer made any number": (
        {"x": (int, ...)},
        {"x": (int | float, ...)},
        f"x can now be number too; {OLD}",
    ),
    "a scalar no longer of one of its types": (
        {"x": (int | str, ...)},
        {"x": (int, ...)},
        f"x can no longer be string; {NEW}",
    ),
    "a text made any JSON": (
        {"x": (str, ...)},
        {"x": (JsonValue, ...)},
        f"x was string and is anything; {EITHER}",
    ),
    "a text of another format": (
        {"x": (UUID, ...)},
        {"x": (Moment, ...)},
        f"x had format 'uuid' and has 'date-time'; {EITHER}",
    ),
    "a text that gets a format": (
        {"x": (str, ...)},
        {"x": (UUID, ...)},
        f"x had format None and has 'uuid'; {EITHER}",
    ),
    "a field made nullable": (
        {"x": (str, ...)},
        {"x": (str | None, ...)},
        f"x can now be null too; {OLD}",
    ),
    "a field made not nullable": (
        {"x": (str | None, ...)},
        {"x": (str, ...)},
        f"x can no longer be null; {NEW}",
    ),
    "a field made optional": (
        {"x": (str, ...)},
        {"x": (str, "")},
        f"x need no longer be there; {OLD}",
    ),
    "a field made required": (
        {"x": (str, "")},
        {"x": (str, ...)},
        f"x must now be there; {NEW}",
    ),
    "another default": (
        {"x": (str, "a")},
        {"x": (str, "b")},
        "x had the default 'a'; what was written without the field would change its sense",
    ),
    "another default of a list of values": (
        {"x": (Closed, Closed.A)},
        {"x": (Closed, Closed.B)},
        "x had the default 'a'; what was written without the field would change its sense",
    ),
    "a default in a part": (
        {"x": (PartWithMore, ...)},
        {"x": (create_model("Other", __base__=PartWithMore, more=(str, "?")), ...)},
        "x.more had the default ''; what was written without the field would change its sense",
    ),
    "a new field without a default": (
        {},
        {"x": (str, ...)},
        f"x is new and has no default; {NEW}",
    ),
    "a new nullable field without a default": (
        {},
        {"x": (str | None, ...)},
        f"x is new and has no default; {NEW}",
    ),
    "a new field of a part without a default": (
        {"x": (tuple[Part, ...], ())},
        {"x": (tuple[PartWithNeed, ...], ())},
        f"x[].more is new and has no default; {NEW}",
    ),
    "a longer text": (
        {"x": (Annotated[str, Field(max_length=10)], ...)},
        {"x": (Annotated[str, Field(max_length=11)], ...)},
        f"x had maxLength 10 and has 11; {OLD}",
    ),
    "a shorter text": (
        {"x": (Annotated[str, Field(max_length=10)], ...)},
        {"x": (Annotated[str, Field(max_length=9)], ...)},
        f"x had maxLength 10 and has 9; {NEW}",
    ),
    "a shorter text that may be null": (
        {"x": (Annotated[str, Field(max_length=10)] | None, None)},
        {"x": (Annotated[str, Field(max_length=9)] | None, None)},
        f"x had maxLength 10 and has 9; {NEW}",
    ),
    "a text that gets a bound": (
        {"x": (str, ...)},
        {"x": (Annotated[str, Field(max_length=10)], ...)},
        f"x had maxLength None and has 10; {NEW}",
    ),
    "a text that loses its bound": (
        {"x": (Annotated[str, Field(max_length=10)], ...)},
        {"x": (str, ...)},
        f"x had maxLength 10 and has None; {OLD}",
    ),
    "a text that may not be empty": (
        {"x": (str, ...)},
        {"x": (Annotated[str, Field(min_length=1)], ...)},
        f"x had minLength None and has 1; {NEW}",
    ),
    "a higher least": (
        {"x": (Annotated[int, Field(ge=0)], ...)},
        {"x": (Annotated[int, Field(ge=1)], ...)},
        f"x had minimum 0 and has 1; {NEW}",
    ),
    "a lower least": (
        {"x": (Annotated[int, Field(ge=0)], ...)},
        {"x": (Annotated[int, Field(ge=-1)], ...)},
        f"x had minimum 0 and has -1; {OLD}",
    ),
    "a lower most": (
        {"x": (Annotated[int, Field(le=9)], ...)},
        {"x": (Annotated[int, Field(le=8)], ...)},
        f"x had maximum 9 and has 8; {NEW}",
    ),
    "another pattern": (
        {"x": (Annotated[str, Field(pattern="^a$")], ...)},
        {"x": (Annotated[str, Field(pattern="^[ab]$")], ...)},
        f"x had pattern '^a$' and has '^[ab]$'; {EITHER}",
    ),
    "a list with a bound": (
        {"x": (tuple[str, ...], ...)},
        {"x": (Annotated[tuple[str, ...], Field(max_length=3)], ...)},
        f"x had maxItems None and has 3; {NEW}",
    ),
    "a value removed": (
        {"x": (ClosedWithMore, ...)},
        {"x": (Closed, ...)},
        f"x can no longer be 'c'; {NEW}",
    ),
    "a value added to a closed list": (
        {"x": (Closed, ...)},
        {"x": (ClosedWithMore, ...)},
        f"x can now be 'c' too; {OLD}",
    ),
    "a value removed from a growing list": (
        {"x": (GrowingWithMore, ...)},
        {"x": (Growing, ...)},
        f"x can no longer be 'c'; {NEW}",
    ),
    "a closed list that shall grow": (
        {"x": (Closed, ...)},
        {"x": (Growing, ...)},
        "x is now a list that may grow; its readers rely on what was said",
    ),
    "a growing list that is closed": (
        {"x": (Growing, ...)},
        {"x": (Closed, ...)},
        "x was a list that may grow; its readers rely on what was said",
    ),
    "a text made a list of values": (
        {"x": (str, ...)},
        {"x": (Closed, ...)},
        f"x had any value and has the values 'a', 'b'; {NEW}",
    ),
    "a list of values made a text": (
        {"x": (Closed, ...)},
        {"x": (str, ...)},
        f"x had the values 'a', 'b' and has any value; {OLD}",
    ),
}

PASSING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({"x": (str, ...)}, {"x": (str, ...)}),
    "a new field with a default": ({}, {"x": (str | None, None)}),
    "a new list": ({}, {"x": (tuple[Part, ...], ())}),
    "a new part": ({}, {"x": (Part, Part(name=""))}),
    "a new field of a part": ({"x": (Part, ...)}, {"x": (PartWithMore, ...)}),
    "a new field of a part that has a default": (
        {"x": (Part, Part(name=""))},
        {"x": (PartWithMore, PartWithMore(name=""))},
    ),
    "a new value in a growing list": ({"x": (Growing, ...)}, {"x": (GrowingWithMore, ...)}),
    "another description": (
        {"x": (str, Field("", description="one"))},
        {"x": (str, Field("", description="two"))},
    ),
    "another order of fields": (
        {"x": (str, ...), "y": (str, ...)},
        {"y": (str, ...), "x": (str, ...)},
    ),
}


@pytest.mark.parametrize(("before", "after", "said"), BREAKING.values(), ids=BREAKING)
def test_a_change_that_breaks_a_reader_is_told_with_the_fields_name(
    before: dict[str, Any], after: dict[str, Any], said: str
) -> None:
    assert told(before, after) == [f"{Told.event_type}: {said}"]


@pytest.mark.parametrize(("before", "after"), PASSING.values(), ids=PASSING)
def test_a_change_that_breaks_nobody_passes(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert told(before, after) == []


def test_what_the_check_does_not_know_is_a_break() -> None:
    before = contract(x=(str, ...))
    after = deepcopy(before)
    after.schemas[Told.event_type]["properties"]["x"]["contentEncoding"] = "base64"
    after.schemas[Told.event_type]["additionalProperties"] = False
    assert [str(found) for found in breaks(before, after)] == [
        f"{Told.event_type}: x had contentEncoding None and has 'base64'; {EITHER}",
        f"{Told.event_type}: {{}} was None and is False; {EITHER}",
    ]


# --- of the events that there are


def places(schema: Document, root: Document) -> Iterator[tuple[str, Document, str]]:
    """Each field's path, with the properties that hold it and its name in them."""
    if "$ref" in schema:
        yield from places(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    for option in schema.get("anyOf", ()):
        yield from places(option, root)
    for keyword, brackets in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(keyword), dict):
            for path, holder, name in places(schema[keyword], root):
                yield f"{brackets}.{path}", holder, name
    for name, inner in schema.get("properties", {}).items():
        yield name, schema["properties"], name
        for path, holder, inner_name in places(inner, root):
            yield f"{name}.{path}".replace(".[]", "[]").replace(".{}", "{}"), holder, inner_name


@pytest.mark.parametrize("model", events.ALL, ids=lambda model: model.event_type)
@pytest.mark.parametrize(
    ("changed", "said"), [(None, "is gone"), ({"type": "other"}, "and is other")]
)
def test_each_field_of_each_event_is_guarded(
    model: type[EventData], changed: Document | None, said: str
) -> None:
    before = schemas.of_type(model)
    paths = [path for path, _, _ in places(before, before)]
    assert len(paths) >= len(model.model_fields)
    for index, path in enumerate(paths):
        after = deepcopy(before)
        _, holder, name = list(places(after, after))[index]
        if changed is None:
            del holder[name]
        else:
            holder[name] = changed
        found = breaks(
            Contract({model.event_type: before}, {}), Contract({model.event_type: after}, {})
        )
        assert any(one.field == path and one.change.endswith(said) for one in found)
        assert {one.subject for one in found} == {model.event_type}


@pytest.mark.parametrize("model", events.ALL, ids=lambda model: model.event_type)
def test_a_type_that_is_gone_breaks_its_readers(model: type[EventData]) -> None:
    before = documents.current_contract()
    after = deepcopy(before)
    del after.schemas[model.event_type]  # type: ignore[attr-defined]  # a copy of our own
    after.topics[model.topic.name]["types"].remove(model.event_type)
    assert [str(found) for found in breaks(before, after)] == [
        f"topic {model.topic.name}: {model.event_type} is no longer on it; "
        "its readers would wait for ever",
        f"{model.event_type} is gone; {NEW}",
    ]


TOPICS: dict[str, tuple[dict[str, Any], str | None]] = {
    "another key": ({"key": "subject"}, "key was 'lead id' and is 'subject'"),
    "another partitioning": (
        {"partitions": "one"},
        "partitions was 'one for each shard of the deployment' and is 'one'",
    ),
    "a shorter retention": ({"retention_days": 13}, "retention_days was 14 and is 13"),
    "compacted": ({"retention_days": None}, "retention_days was 14 and is compacted"),
    "a type moved elsewhere": ({"types": []}, "baton.lead.captured.v1 is no longer on it"),
    "a longer retention": ({"retention_days": 15}, None),
    "another type": ({"types": ["baton.lead.captured.v1", "baton.lead.found.v1"]}, None),
    "another owner": ({"owner": "intake"}, None),
}


@pytest.mark.parametrize(("change", "said"), TOPICS.values(), ids=TOPICS)
def test_a_topic_keeps_what_its_readers_rely_on(change: dict[str, Any], said: str | None) -> None:
    before = documents.current_contract()
    after = deepcopy(before)
    after.topics["lead-captured"].update(change)
    found = [str(found) for found in breaks(before, after)]
    if said is None:
        assert found == []
    else:
        assert [one.partition(";")[0] for one in found] == [f"topic lead-captured: {said}"]


def test_a_compacted_topic_does_not_become_one_that_forgets() -> None:
    before = documents.current_contract()
    after = deepcopy(before)
    after.topics["policy"]["retention_days"] = 14
    assert str(breaks(before, after)[0]).startswith(
        "topic policy: retention_days was compacted and is 14"
    )


def test_a_topic_that_is_gone_breaks_its_readers_and_a_new_one_does_not() -> None:
    more = documents.current_contract()
    less = Contract(more.schemas, {k: v for k, v in more.topics.items() if k != "lead-sla"})
    assert [str(found) for found in breaks(more, less)] == [
        "topic lead-sla is gone; its readers would wait for ever"
    ]
    assert breaks(less, more) == []


def test_a_new_type_passes() -> None:
    more = documents.current_contract()
    less = Contract({k: v for k, v in more.schemas.items() if "sla" not in k}, {})
    assert breaks(less, more) == []


def test_the_headers_are_guarded_too() -> None:
    before = documents.current_contract()
    after = deepcopy(before)
    del after.schemas["record headers"]["properties"]["ce_sequence"]
    assert [str(found) for found in breaks(before, after)] == [
        "record headers: ce_sequence is gone; readers of the older release rely on it"
    ]


def test_the_retention_that_is_compared_is_the_topics() -> None:
    assert topics.LEAD_CAPTURED.retention == timedelta(days=14)
    assert documents.current_contract().topics["lead-captured"]["retention_days"] == 14
