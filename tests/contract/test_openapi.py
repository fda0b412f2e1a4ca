"""The services' APIs as documents: kept, valid, and as the code says."""

import json
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi import FastAPI
from openapi_spec_validator import validate

from baton.contracts import kept, openapi

ROOT = Path(__file__).parents[2]
KEPT = sorted((ROOT / "docs/contracts/openapi").glob("*.json"))
PACKAGES = sorted(path.parent.parent.name for path in (ROOT / "services").glob("*/*/api.py"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_services_document_is_valid(path: Path) -> None:
    validate(json.loads(path.read_text("utf-8")))


@pytest.mark.parametrize("service", PACKAGES)
def test_a_service_that_offers_its_document_is_listed(service: str) -> None:
    package = service.replace("-", "_")
    offers = hasattr(import_module(f"{package}.api"), "document")
    assert openapi.SERVICES.get(service) == (f"{package}.api:document" if offers else None)


def test_the_document_of_a_listed_service_is_made_from_its_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = FastAPI(title="Toy", version="1")

    @app.get("/v1/toys/{name}")
    async def toy(name: str) -> str:
        return name

    module: Any = ModuleType("toy_api")
    module.document = app.openapi
    monkeypatch.setitem(sys.modules, "toy_api", module)
    ((name, document),) = openapi.documents({"toy": "toy_api:document"})
    validate(document)
    assert (name, list(document["paths"])) == ("toy", ["/v1/toys/{name}"])

    path = openapi.DIRECTORY / "toy.json"
    assert list(kept.differences(tmp_path, {path: "{}"})) == [f"{path} is missing"]
    kept.write(tmp_path, {path: "{}"})
    assert list(kept.differences(tmp_path, {path: "{}"})) == []
    assert list(kept.differences(tmp_path, {})) == [f"{path} is of nothing that the code knows"]
