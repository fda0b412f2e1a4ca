"""The API's own description of itself."""

from typing import Any

import pytest
from ingest_harness import Process
from openapi_spec_validator import validate
from pydantic import BaseModel

from ingest import openapi
from ingest.deliveries import ActivityIn, ErasureIn, FollowupIn, LeadIn


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
    assert set(routes) >= {
        "/v1/leads",
        "/v1/leads/batch",
        "/v1/activities",
        "/v1/followups",
        "/v1/privacy/erasures",
        "/v1/webhooks/{source}",
    }
    for path, route in routes.items():
        assert "202" in route["responses"], path
        assert {"401", "415", "503"} <= set(route["responses"]), path
        (content,) = route["responses"]["202"]["content"].values()
        assert content["example"], path


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
