"""Events on the wire: each type there and back, and checked against the CloudEvents SDK."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from functools import cache
from types import NoneType
from typing import Annotated, Any, get_args, get_origin
from uuid import UUID

import pytest
from annotated_types import Ge, Le
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, to_binary_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import AwareDatetime, BaseModel, JsonValue, ValidationError
from pydantic.fields import FieldInfo

from baton import cloudevents, events
from baton.cloudevents import Event
from baton.events import Company, Contact, EventData, LeadErased, LeadEvent, Profile, Reason
from baton.values import LARGEST_INTEGER

texts = st.text(st.characters(codec="utf-8"), max_size=20)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
moments = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001 - their zones follow
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23))),
)
finite = st.floats(allow_nan=False, allow_infinity=False)
json_values: SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
each_type = pytest.mark.parametrize("model", events.ALL, ids=lambda model: model.event_type)
few = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


@cache
def instances(model: type[BaseModel]) -> SearchStrategy[Any]:
    """Every instance that a model allows, more or less."""
    return st.builds(
        model,
        **{name: values(field.annotation, field) for name, field in model.model_fields.items()},
    )


def values(annotation: Any, field: FieldInfo | None = None) -> SearchStrategy[Any]:
    arguments = get_args(annotation)
    match get_origin(annotation):
        case None:
            made = plain(annotation, [] if field is None else field.metadata)
        case origin if origin is Annotated:
            inner = (argument for argument in arguments if isinstance(argument, FieldInfo))
            made = values(arguments[0], next(inner, None))
        case origin if origin is tuple:
            made = st.lists(values(arguments[0]), max_size=3).map(tuple)
        case origin if origin is dict:
            made = st.dictionaries(texts, values(arguments[1]), max_size=3)
        case _:
            made = st.one_of([values(argument) for argument in arguments])
    return made


def plain(annotation: Any, limits: list[Any]) -> SearchStrategy[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return instances(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    least = next((limit.ge for limit in limits if isinstance(limit, Ge)), None)
    most = next((limit.le for limit in limits if isinstance(limit, Le)), None)
    pattern = next((limit.pattern for limit in limits if hasattr(limit, "pattern")), None)
    known: dict[Any, SearchStrategy[Any]] = {
        JsonValue: json_values,
        UUID: st.uuids(),
        AwareDatetime: moments,
        NoneType: st.none(),
        bool: st.booleans(),
        float: finite,
        int: st.integers(least, most),  # type: ignore[arg-type]  # of an int field
        str: texts if pattern is None else st.from_regex(pattern, fullmatch=True),
    }
    return known[annotation]


@st.composite
def envelopes(draw: st.DrawFn, model: type[EventData]) -> Event[EventData]:
    data = draw(instances(model))
    return Event(
        id=draw(st.uuids()),
        source=draw(names),
        time=draw(moments),
        subject=str(data.lead_id) if isinstance(data, LeadEvent) else draw(names),
        data=data,
        sequence=draw(st.none() | st.integers(1, 2**63 - 1)),
        traceparent=draw(st.none() | names),
        policyversion=draw(st.none() | names),
    )


def in_microseconds(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


# --- there and back


@each_type
@given(data=st.data())
@few
def test_what_is_decoded_is_what_was_encoded(model: type[EventData], data: st.DataObject) -> None:
    event = data.draw(envelopes(model))
    message = cloudevents.encode(event)
    decoded = cloudevents.decode(message.key, message.value, message.headers)
    assert decoded == replace(event, time=in_microseconds(event.time))
    assert cloudevents.encode(decoded) == message
    assert message.topic == model.topic.name
    assert cloudevents.event_type(message.headers) == model.event_type


@each_type
@given(data=st.data())
@few
def test_the_cloudevents_sdk_reads_what_was_encoded(
    model: type[EventData], data: st.DataObject
) -> None:
    event = data.draw(envelopes(model))
    message = cloudevents.encode(event)
    read = from_binary_event(KafkaMessage(dict(message.headers), message.key, message.value))
    assert len(dict(message.headers)) == len(message.headers)
    assert read.get_specversion() == "1.0"
    assert read.get_id() == str(event.id)
    assert read.get_type() == model.event_type
    assert read.get_source() == event.source
    assert read.get_subject() == event.subject
    assert read.get_time() == event.time
    assert read.get_datacontenttype() == "application/json"
    assert read.get_extension("sequence") == (event.sequence and f"{event.sequence:020}")
    assert read.get_extension("traceparent") == event.traceparent
    assert read.get_extension("policyversion") == event.policyversion
    assert read.get_data() == json.loads(event.data.model_dump_json())


@each_type
@given(data=st.data())
@few
def test_what_the_cloudevents_sdk_writes_is_decoded(
    model: type[EventData], data: st.DataObject
) -> None:
    event = data.draw(envelopes(model))
    attributes = {
        "id": str(event.id),
        "type": model.event_type,
        "source": event.source,
        "subject": event.subject,
        "time": in_microseconds(event.time),
        "datacontenttype": "application/json",
        "sequence": None if event.sequence is None else f"{event.sequence:020}",
        "traceparent": event.traceparent,
        "policyversion": event.policyversion,
    }
    written = to_binary_event(
        CloudEvent(
            {name: value for name, value in attributes.items() if value is not None},
            json.loads(event.data.model_dump_json()),
        ),
        key_mapper=lambda written: written.get_subject(),
    )
    assert isinstance(written.key, str)
    decoded = cloudevents.decode(written.key.encode(), written.value, list(written.headers.items()))
    assert decoded == replace(event, time=in_microseconds(event.time))


def test_a_time_in_an_event_is_in_utc_whatever_offset_it_came_with() -> None:
    data = LeadErased.model_validate(
        {
            "lead_id": UUID(int=0),
            "occurred_at": "2026-03-02T10:15:00.5+01:00",
            "requested_by": "dpo",
            "why": "asked to",
        }
    )
    assert data.occurred_at.isoformat() == "2026-03-02T09:15:00.500000+00:00"


# --- what can't be made


@pytest.mark.parametrize(
    "value",
    [float("nan"), [float("inf")], {"x": -float("inf")}, "\ud800", ["\udfff"], {"\ud800": 1}],
    ids=repr,
)
def test_an_event_is_not_made_of_what_no_reader_could_read(value: JsonValue) -> None:
    with pytest.raises(ValidationError):
        Reason(code="size", label="Size", matched=True, value=value)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_custom_field_is_a_finite_number(number: float) -> None:
    with pytest.raises(ValidationError):
        Profile(brand="acme", source="form", custom={"size": number})


def test_a_name_has_no_half_of_a_surrogate_pair() -> None:
    with pytest.raises(ValidationError):
        Contact(email="info\ud800@example.com")


def test_a_count_is_one_that_every_reader_of_json_has_alike() -> None:
    assert Company(employees=LARGEST_INTEGER).employees == 2**53 - 1
    with pytest.raises(ValidationError):
        Company(employees=2**53)


@example(moment=datetime(2026, 3, 2, 9, 15, tzinfo=timezone(timedelta(hours=1))))
@given(moment=moments)
def test_a_time_is_written_in_utc_and_read_back(moment: datetime) -> None:
    written = cloudevents.format_time(moment)
    assert written.endswith("Z")
    assert cloudevents.parse_time(written) == moment


def test_a_naive_time_is_not_written() -> None:
    with pytest.raises(ValueError, match="offset"):
        cloudevents.format_time(datetime(2026, 3, 2))  # noqa: DTZ001 - the point
