"""JSON Schemas (2020-12) of the events' data and of the records' headers."""

from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core.core_schema import WithDefaultSchema

from baton import cloudevents
from baton.events import EventData, LeadEvent

Document = dict[str, Any]
"""A JSON document that is made or compared here, and not read as anything else."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Schemas(GenerateJsonSchema):
    """Without titles that repeat the field's name and defaults that repeat a part's own."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - of no field
        return False

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if isinstance(made.get("default"), dict):
            del made["default"]
        return made


def of_type(model: type[EventData]) -> Document:
    """The schema of one type's data, complete in itself."""
    schema = model.model_json_schema(schema_generator=_Schemas)
    return {
        "$schema": DIALECT,
        "$id": f"urn:{model.event_type.replace('.', ':')}",
        **schema,
        "title": model.event_type,
    }


def of_types(models: Sequence[type[EventData]], ref_template: str) -> dict[str, Document]:
    """The schemas of types and of the parts that they share, by class name."""
    _, schema = models_json_schema(
        [(model, "validation") for model in models],
        ref_template=ref_template,
        schema_generator=_Schemas,
    )
    parts: dict[str, Document] = schema["$defs"]
    return parts


def headers() -> Document:
    """The schema of a record's headers, which are the same for all types but `ce_type`."""
    text = {"type": "string", "minLength": 1}
    return {
        "title": "CloudEvents 1.0 in Kafka's binary mode: the record's headers, in UTF-8",
        "type": "object",
        "required": [
            "ce_specversion",
            "ce_id",
            "ce_type",
            "ce_source",
            "ce_time",
            "ce_subject",
            "content-type",
        ],
        "properties": {
            "ce_specversion": {"const": cloudevents.SPEC_VERSION},
            "ce_id": {
                "type": "string",
                "format": "uuid",
                "description": "The same whenever the event is sent again: what was seen before "
                "under this id is to be passed over.",
            },
            "ce_type": text,
            "ce_source": {**text, "description": "the service that says it"},
            "ce_time": {
                "type": "string",
                "format": "date-time",
                "description": "when it was learnt or decided; when it happened is `occurred_at`",
            },
            "ce_subject": {**text, "description": "the record's key as text"},
            "content-type": {"const": cloudevents.CONTENT_TYPE},
            "ce_sequence": {
                "type": "string",
                "pattern": f"^[0-9]{{{cloudevents.SEQUENCE_DIGITS}}}$",
                "description": "Counts the events of a lead on a topic, to be compared as text: "
                "what has a lower one than was seen before is old. Absent where a service keeps "
                "no state of the lead.",
            },
            "ce_traceparent": {**text, "description": "W3C trace context"},
            "ce_policyversion": {
                **text,
                "description": "hash of the policy bundle that the decision followed",
            },
        },
    }


def key(model: type[EventData]) -> Document:
    """The schema of a record's key, as text."""
    schema: Document = {"type": "string", "description": model.topic.key.value}
    if issubclass(model, LeadEvent):
        schema["format"] = "uuid"
    return schema
