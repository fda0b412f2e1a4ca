"""The API's documentation, declared by hand, since the routes read raw bodies."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from fastapi import Response
from pydantic import BaseModel, JsonValue

from baton.problems import MEDIA_TYPE, ProblemBody
from ingest.capture.submissions import ErasureIn, PersonIn
from ingest.senders.catalogue import SENDERS

LEAD: JsonValue = {
    "source": "website",
    "email": "vp.sales@example.com",
    "first_name": "Vivian",
    "contact": {"job_title": "VP Sales", "country": "DE"},
    "company": {"name": "Example Ltd", "employees": 250},
    "campaign": {"utm_source": "newsletter"},
    "consent": {"status": "granted"},
    "request": {"form_id": "contact-us", "message": "Please call me."},
    "occurred_at": "2026-01-31T09:00:00Z",
}
ACTIVITY: JsonValue = {
    "source": "website",
    "email": "vp.sales@example.com",
    "type": "page_viewed",
    "subject": "https://www.example.com/pricing",
}
FOLLOWUP: JsonValue = {
    "source": "crm",
    "external_id": "00Q000000000001",
    "type": "contacted",
    "rep": "rep-1",
    "channel": "phone",
}
ERASURE: JsonValue = {"email": "vp.sales@example.com", "why": "asked by mail on 31 January"}

_CSV = """\
source,email,contact.job_title,company.name,company.employees
website,vp.sales@example.com,VP Sales,"Example, Ltd",250
"""
_IDS = ("01890a5d-ac96-8b4e-9c3a-6f0d5c1e7a42", "019c1320-4a00-8d5f-a1b2-0c3d4e5f6a7b")
_ACCEPTED: dict[str, JsonValue] = {
    "state": "published",
    "lead_id": _IDS[0],
    "event_id": _IDS[1],
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same key with the same body on the same route is the same event, however "
    "often it is sent. A `delivery_id` in the body counts before it.",
}


def taking(model: type[BaseModel], example: JsonValue) -> dict[str, Any]:
    """A route that takes one JSON document."""
    return _route(
        _document(model, example),
        _json(_ACCEPTED),
        (400, 401, 408, 413, 415, 422, 429, 503),
    )


def taking_lines() -> dict[str, Any]:
    """The route that takes a batch."""
    line = json.dumps({"source": "website", "email": "vp.sales@example.com"})
    body = {
        "description": "One lead a line, as `POST /v1/leads` takes it; any number of lines.",
        "content": {
            "application/x-ndjson": {"schema": {"type": "string"}, "example": f"{line}\n"},
            "text/csv": {"schema": {"type": "string"}, "example": _CSV},
        },
    }
    result = json.dumps({"line": 1, **_ACCEPTED})
    answer = {"application/x-ndjson": {"schema": {"type": "string"}, "example": f"{result}\n"}}
    return _route(body, answer, (400, 401, 408, 415, 422, 503))


def erasing() -> dict[str, Any]:
    """The route by which a person is forgotten."""
    body = _document(ErasureIn, ERASURE)
    return _route(body, _json({"results": [_ACCEPTED]}), (400, 401, 408, 413, 415, 422, 503))


def looking_up() -> dict[str, Any]:
    """The route that tells which leads a person may be."""
    body = _document(PersonIn, {"email": "vp.sales@example.com"})
    response = {"description": "Each of them once.", "content": _json({"lead_ids": [_IDS[0]]})}
    return {
        "response_class": Response,
        "responses": {200: response} | dict(_refused((400, 401, 413, 415, 422, 503))),
        "openapi_extra": {"requestBody": {"required": True, **body}},
    }


def taking_webhooks() -> dict[str, Any]:
    """The route for webhooks: their vendors document what they send."""
    body = {"content": _examples()}
    route = _route(body, _json({"results": [_ACCEPTED]}), (400, 401, 405, 408, 413, 415, 429, 503))
    del route["openapi_extra"]["parameters"]
    return route


def greeting() -> dict[str, Any]:
    """A route by which vendors set a webhook up."""
    response = {"description": "The answer that the vendor asks for.", "content": {"*/*": {}}}
    return {
        "response_class": Response,
        "responses": {200: response} | dict(_refused((401, 403, 405, 503))),
    }


def _examples() -> dict[str, Any]:
    """By media type, a delivery of each sender."""
    content: dict[str, Any] = {}
    for kind, sender in SENDERS.items():
        of_type = content.setdefault(
            sender.example.media_type,
            {"schema": {"type": "string", "format": "binary"}, "examples": {}},
        )
        of_type["examples"][kind] = {"summary": sender.guide.name, "value": sender.example.body}
    return content


def _route(body: dict[str, Any], answer: dict[str, Any], refusals: Sequence[int]) -> dict[str, Any]:
    meaning = "Taken: Kafka has it, or the spool while Kafka is away."
    responses: dict[int | str, Any] = {202: {"description": meaning, "content": answer}}
    return {
        "status_code": 202,
        "response_class": Response,
        "responses": responses | dict(_refused(refusals)),
        "openapi_extra": {"parameters": [_KEY], "requestBody": {"required": True, **body}},
    }


def _refused(statuses: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    for status in statuses:
        content = {MEDIA_TYPE: {"schema": inlined(ProblemBody)}}
        yield status, {"description": _REFUSALS[status], "content": content}


def _document(model: type[BaseModel], example: JsonValue) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": inlined(model), "example": example}}}


def _json(example: JsonValue) -> dict[str, Any]:
    return {"application/json": {"schema": {"type": "object"}, "example": example}}


_REFUSALS = {
    400: "Not JSON, or the body ended before its end.",
    401: "No token, or a signature that is not the sender's.",
    403: "A handshake by who does not know the verify token, or with a challenge that is no word.",
    405: "Deliveries come by POST; a handshake is answered where the source's vendor has one.",
    408: "The body came too slowly.",
    413: "The body, or the event that it would become, is too large.",
    415: "A body with a Content-Encoding, or a batch in another charset than UTF-8.",
    422: "`field` names what is wrong; nothing of the delivery was kept.",
    429: "More than the source's `rate_limit` allows; send it again after `Retry-After` seconds.",
    503: "Nothing was kept; send it again after `Retry-After` seconds. Also for a source that the "
    "policy does not declare.",
}


def inlined(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON Schema without references, which would point into another document."""
    schema = _schema(model)
    parts = schema.get("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                name = node["$ref"].removeprefix("#/$defs/")
                return resolve(parts[name]) | {k: v for k, v in node.items() if k != "$ref"}
            return {key: resolve(value) for key, value in node.items()}
        return [resolve(element) for element in node] if isinstance(node, list) else node

    return {key: resolve(value) for key, value in schema.items() if key != "$defs"}


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """Making one takes a millisecond, and seventy places of the routes show one of six."""
    return model.model_json_schema()
