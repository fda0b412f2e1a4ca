"""`docs/events.md`: its prose is written by hand, its tables and its example are filled in."""

import json
from collections.abc import Iterator, Sequence

from baton import topics
from baton.contracts import asyncapi, markdown, schemas
from baton.contracts.schemas import Document
from baton.events import EventData
from baton.manifest import writers
from baton.topics import Topic

_REF = "#/"


def fill(page: str, consumer: str, models: Sequence[type[EventData]]) -> str:
    """The page with what stands between its marks replaced.

    Raises ValueError where the page lacks a mark.
    """
    parts = schemas.of_types(models, _REF + "{model}")
    sections = {
        "headers": _fields(schemas.headers(), {}),
        "topics": _overview(models),
        "types": "\n\n".join(_type(model, parts) for model in models),
        "parts": "\n\n".join(_shared(models, parts)),
        "consumer": f"```python\n{consumer.rstrip()}\n```",
    }
    return markdown.fill(page, sections)


def _overview(models: Sequence[type[EventData]]) -> str:
    rows = [
        (
            f"`{topic.name}`",
            ", ".join(
                f"[`{_short(model)}`](#{_anchor(model)})"
                for model in models
                if model.topic is topic
            ),
            topic.says,
            topic.key.value,
            asyncapi.partitions(topic).partition(" of ")[0],
            _retention(topic),
            writers(topic),
        )
        for topic in topics.ALL
    ]
    heads = ("topic", "types", "says", "key", "partitions", "kept", "written by")
    return markdown.table(heads, rows)


def _retention(topic: Topic) -> str:
    return "compacted" if topic.retention is None else f"{topic.retention.days} days"


def _short(model: type[EventData]) -> str:
    return model.event_type.removeprefix("baton.").rpartition(".")[0]


def _anchor(model: type[EventData]) -> str:
    return model.event_type.replace(".", "")


def _type(model: type[EventData], parts: dict[str, Document]) -> str:
    schema = parts[model.__name__]
    says = schema["description"]
    return (
        f"### {model.event_type}\n\nOn `{model.topic.name}`. {says}\n\n{_fields(schema, parts)}\n\n"
        f"[Example](contracts/examples/{model.event_type}.json)"
    )


def _shared(models: Sequence[type[EventData]], parts: dict[str, Document]) -> Iterator[str]:
    types = {model.__name__ for model in models}
    for name, schema in parts.items():
        if name not in types and "properties" in schema:
            yield f"### {name}\n\n{schema['description']}\n\n{_fields(schema, parts)}"


def _fields(schema: Document, parts: dict[str, Document]) -> str:
    needed = schema.get("required", ())
    rows = [
        (
            f"`{name}`",
            _holds(field, parts),
            "never" if name in needed else _default(field),
            field.get("description", ""),
        )
        for name, field in schema["properties"].items()
    ]
    return markdown.table(("field", "holds", "absent means", "says"), rows)


def _default(field: Document) -> str:
    return f"`{json.dumps(field['default'])}`" if "default" in field else "nothing"


def _holds(field: Document, parts: dict[str, Document]) -> str:
    match field:
        case {"$ref": reference}:
            name = reference.removeprefix(_REF)
            part = parts[name]
            return f"[{name}](#{name.lower()})" if "properties" in part else _holds(part, parts)
        case {"anyOf": options}:
            return " or ".join(_holds(option, parts) for option in options)
        case {"items": items}:
            return f"list of {_holds(items, parts)}"
        case {"additionalProperties": dict() as values}:
            return f"map to {_holds(values, parts)}"
        case _:
            return _scalar(field)


def _scalar(field: Document) -> str:
    kind: str = field.get("format") or field.get("type") or "any JSON"
    words = [{"date-time": "time", "uuid": "UUID", "string": "text"}.get(kind, kind)]
    if "const" in field:
        words = [f"`{field['const']}`"]
    for keyword, such in (("enum", "one of"), ("x-extensible-enum", "one of, so far,")):
        if keyword in field:
            words = [such, ", ".join(f"`{value}`" for value in field[keyword])]
    if "pattern" in field:
        words.append(f"as `{field['pattern']}`")
    if "maxLength" in field:
        words.append(f"of at most {field['maxLength']:,}")
    if field.get("minimum", -1) >= 0:
        words.append(f"from {field['minimum']}")
    return " ".join(words)
