"""The services' APIs as documents: kept, valid, and as the code says."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from openapi_spec_validator import validate

from baton.contracts import documents, openapi
from baton.manifest import Routers, ServiceManifest, manifests
from baton.settings import ApiSettings

ROOT = Path(__file__).parents[2]


def test_each_service_has_its_document() -> None:
    services = {path.name for path in (ROOT / "services").iterdir() if path.is_dir()}
    written = (ROOT / "docs" / openapi.DIRECTORY).glob("*.json")
    declared = {service.name for service in manifests()}
    assert services == declared == {path.stem for path in written}


@pytest.mark.parametrize("service", [service.name for service in manifests()])
def test_a_services_document_is_valid(service: str) -> None:
    path = ROOT / "docs" / openapi.DIRECTORY / f"{service}.json"
    validate(json.loads(path.read_text("utf-8")))


@pytest.fixture
def toy() -> ServiceManifest:
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

    def routers(resources: Any) -> Routers:
        reads, settings = resources.engine, resources.settings
        return Routers((router(reads, settings),), (webhook_router(reads),))

    return ServiceManifest(
        name="toy",
        title="toy",
        description="Toys.",
        port=0,
        settings=lambda: ApiSettings,
        routers=routers,
    )


def test_a_document_has_the_services_routes_and_what_each_of_them_demands(
    toy: ServiceManifest,
) -> None:
    document = openapi.document(toy)
    validate(document)
    assert document["info"]["title"] == "Baton toy"
    assert document["info"]["description"] == "Toys."
    assert document["paths"]["/v1/toys/{name}"]["get"]["security"]
    assert "security" not in document["paths"]["/v1/webhooks"]["post"]
    assert set(document["paths"]) == {
        "/v1/toys/{name}",
        "/v1/webhooks",
        "/healthz",
        "/readyz",
        "/metrics",
    }


def test_a_document_is_compared_and_kept_like_the_others(tmp_path: Path) -> None:
    path = openapi.DIRECTORY / "toy.json"
    assert list(documents.find_differences(tmp_path, {path: "{}"})) == [f"{path} is missing"]
    documents.write(tmp_path, {path: "{}"})
    assert list(documents.find_differences(tmp_path, {path: "{}"})) == []
    assert list(documents.find_differences(tmp_path, {path: "{ }"})) == [
        f"{path} is not what the code says"
    ]
    assert list(documents.find_differences(tmp_path, {})) == [
        f"{path} is of nothing that the code knows"
    ]
