"""The API's own description of itself."""

from typing import Any

import pytest
from openapi_spec_validator import validate
from pydantic import BaseModel

from ingest.capture.submissions import ActivityIn, ErasureIn, FollowupIn, LeadIn
from ingest.edge import openapi
from ingest.senders.catalogue import SENDERS
from ingest_tests.harness import Process


@pytest.fixture
async def described(process: Process) -> dict[str, Any]:
    document: dict[str, Any] = (await process.http.get("/openapi.json")).json()
    return document


async def test_the_description_is_valid(described: dict[str, Any]) -> None:
    validate(described)


async def test_every_way_in_is_described_with_an_example(described: dict[str, Any]) -> None:
    routes = {
        path: route["post"]
        for path, route in described["paths"].items()
        if path.startswith("/v1/") and "post" in route and "requestBody" in route["post"]
    }
    ways_in = {
        "/v1/leads",
        "/v1/leads/batch",
        "/v1/activities",
        "/v1/followups",
        "/v1/privacy/erasures",
        "/v1/webhooks/{source}",
        "/v1/webhooks/{source}/{secret}",
    }
    assert set(routes) >= ways_in
    for path in ways_in:
        assert "202" in routes[path]["responses"], path
        assert {"401", "415", "503"} <= set(routes[path]["responses"]), path
        (content,) = routes[path]["responses"]["202"]["content"].values()
        assert content["example"], path


async def test_a_delivery_of_each_sender_is_an_example(described: dict[str, Any]) -> None:
    body = described["paths"]["/v1/webhooks/{source}"]["post"]["requestBody"]
    shown = {kind for content in body["content"].values() for kind in content["examples"]}
    assert shown == set(SENDERS)


@pytest.mark.parametrize(
    ("path", "example"),
    [
        ("/v1/leads", openapi.LEAD),
        ("/v1/activities", openapi.ACTIVITY),
        ("/v1/followups", openapi.FOLLOWUP),
        ("/v1/privacy/erasures", openapi.ERASURE),
    ],
)
async def test_the_examples_are_taken(path: str, example: Any, process: Process) -> None:
    answer = await process.http.post(path, json=example)
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize("model", [LeadIn, ActivityIn, FollowupIn, ErasureIn])
def test_a_description_stands_by_itself(model: type[BaseModel]) -> None:
    assert "$ref" not in str(openapi.inlined(model))
