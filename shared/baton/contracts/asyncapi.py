"""The AsyncAPI 3.0 document: every topic, with the records that are on it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from baton import topics
from baton.contracts import schemas
from baton.contracts.schemas import Document
from baton.events import EventData
from baton.manifest import writers
from baton.topics import Topic

BINDING_VERSION = "0.5.0"

_ABOUT = """\
Baton hands leads from marketing to sales, and says what happens to each of them on these topics.

Records are CloudEvents 1.0 in Kafka's binary mode: the value is the data as JSON, the attributes
are headers. A reader passes over types, fields and headers that it does not know, expects new
values where a list has `x-extensible-enum`, remembers `ce_id`, since an event may be there twice,
and goes by `ce_sequence` where it matters which of two events is the later one. Topics that are
keyed by lead have the same number of partitions, and a lead has the same one on all of them; the
partitioner is Kafka's own (murmur2).

Within a version of a type, fields are only ever added. `docs/events.md` is the page to this
document.
"""


def document(
    models: Sequence[type[EventData]], examples: Mapping[str, Sequence[Document]]
) -> Document:
    """The document, complete in itself; `examples` are CloudEvents in JSON, by type."""
    parts = schemas.of_types(models, "#/components/schemas/{model}")
    return {
        "asyncapi": "3.0.0",
        "id": "urn:baton",
        "info": {"title": "Baton", "version": "1", "description": _ABOUT},
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "the deployment's Kafka",
                "variables": {"bootstrap": {"default": "127.0.0.1:9092"}},
            }
        },
        "channels": {
            topic.name: _channel(topic, [model for model in models if model.topic is topic])
            for topic in topics.ALL
        },
        "operations": {
            f"send-{topic.name}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "summary": f"written by {writers(topic)}",
            }
            for topic in topics.ALL
        },
        "components": {
            "parameters": {
                "prefix": {
                    "default": "",
                    "description": "what the deployment's topics begin with (BATON_TOPIC_PREFIX)",
                }
            },
            "messages": {
                model.event_type: _message(model, examples.get(model.event_type, ()))
                for model in models
            },
            "schemas": {"Headers": schemas.headers(), **parts},
        },
    }


def _channel(topic: Topic, models: Sequence[type[EventData]]) -> Document:
    return {
        "address": f"{{prefix}}{topic.name}",
        "summary": topic.says,
        "description": f"Keyed by {topic.key}. Written by {writers(topic)}.",
        "parameters": {"prefix": {"$ref": "#/components/parameters/prefix"}},
        "messages": {
            model.event_type: {"$ref": f"#/components/messages/{model.event_type}"}
            for model in models
        },
        "bindings": {
            "kafka": {
                **({} if topic.sharded else {"partitions": 1}),
                "topicConfiguration": _configuration(topic),
                "bindingVersion": BINDING_VERSION,
            }
        },
        "x-key": topic.key.value,
        "x-owner": writers(topic),
        "x-partitions": partitions(topic),
    }


def partitions(topic: Topic) -> str:
    """How many a topic has, in words."""
    return "one for each shard of the deployment" if topic.sharded else "one"


def _configuration(topic: Topic) -> Document:
    configuration: Document = {"cleanup.policy": [topic.config["cleanup.policy"]]}
    if topic.retention is not None:
        configuration["retention.ms"] = topic.retention // timedelta(milliseconds=1)
    return configuration


def _message(model: type[EventData], examples: Sequence[Document]) -> Document:
    return {
        "name": model.event_type,
        "summary": (model.__doc__ or "").partition("\n")[0],
        "contentType": "application/json",
        "headers": {
            "allOf": [
                {"$ref": "#/components/schemas/Headers"},
                {"type": "object", "properties": {"ce_type": {"const": model.event_type}}},
            ]
        },
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        "bindings": {"kafka": {"key": schemas.key(model), "bindingVersion": BINDING_VERSION}},
        "examples": [
            {"headers": _headers(example), "payload": example["data"]} for example in examples
        ],
    }


def _headers(example: Document) -> dict[str, str]:
    attributes = {name: example[name] for name in example if name != "data"}
    content_type = attributes.pop("datacontenttype")
    return {f"ce_{name}": value for name, value in attributes.items()} | {
        "content-type": content_type
    }
