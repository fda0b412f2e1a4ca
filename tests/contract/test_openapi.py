"""The services' APIs as documents: kept, valid, and as the code says."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi import APIRouter
from openapi_spec_validator import validate

from baton.contracts import kept, openapi
from baton.contracts.openapi import Api

ROOT = Path(__file__).parents[2]


def test_each_service_has_its_document() -> None:
    services = {path.name for path in (ROOT / "services").iterdir() if path.is_dir()}
    documents = (ROOT / "docs" / openapi.DIRECTORY).glob("*.json")
    assert services == set(openapi.SERVICES) == {path.stem for path in documents}


@pytest.mark.parametrize("service", openapi.SERVICES)
def test_a_services_document_is_valid(service: str) -> None:
    path = ROOT / "docs" / openapi.DIRECTORY / f"{service}.json"
    validate(json.loads(path.read_text("utf-8")))


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Api:
    """A service that closes over things which are not there when it is only described."""

    def router(reads: Any, settings: Any) -> APIRouter:
        routes = APIRouter()

        @routes.get("/v1/toys/{name}")
        async def toy(name: str) -> str:
            return str(reads.toy(name, settings.most))

        return routes

    def webhook_router(reads: Any) -> APIRouter:
        routes = APIRouter()

        @routes.post("/v1/webhooks")
        async def hook() -> None:
            reads.took()

        return routes

    module: Any = ModuleType("toy_api")
    module.router = router
    module.webhook_router = webhook_router
    monkeypatch.setitem(sys.modules, "toy_api", module)
    return Api("Toys.", ("toy_api:router",), "toy_api:webhook_router")


def test_a_document_has_the_services_routes_and_what_each_of_them_demands(toy: Api) -> None:
    ((name, document),) = openapi.documents({"toy": toy})
    validate(document)
    assert name == "toy"
    assert document["info"]["description"] == "Toys."
    assert document["paths"]["/v1/toys/{name}"]["get"]["security"]
    assert "security" not in document["paths"]["/v1/webhooks"]["post"]
    assert {"/v1/dead-letters", "/healthz"} < set(document["paths"])


def test_a_document_is_compared_and_kept_like_the_others(tmp_path: Path) -> None:
    path = openapi.DIRECTORY / "toy.json"
    assert list(kept.differences(tmp_path, {path: "{}"})) == [f"{path} is missing"]
    kept.write(tmp_path, {path: "{}"})
    assert list(kept.differences(tmp_path, {path: "{}"})) == []
    assert list(kept.differences(tmp_path, {path: "{ }"})) == [f"{path} is not what the code says"]
    assert list(kept.differences(tmp_path, {})) == [f"{path} is of nothing that the code knows"]
