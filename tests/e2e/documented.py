"""Records as a program takes them that knows nothing of Baton but the AsyncAPI document."""

import json
from pathlib import Path
from typing import Any

import yaml
from aiokafka import ConsumerRecord
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DOCUMENT = Path(__file__).parents[2] / "docs/contracts/asyncapi.yaml"


class Documented:
    """What the document says of one channel."""

    def __init__(self, channel: str) -> None:
        self._document = yaml.safe_load(DOCUMENT.read_text("utf-8"))
        self._channel = self._document["channels"][channel]
        self._registry: Registry[Any] = Registry().with_resource(
            self._document["id"],
            Resource.from_contents(self._document, default_specification=DRAFT202012),
        )

    def topic(self, prefix: str) -> str:
        """Its topic in a deployment."""
        name: str = self._channel["address"].format(prefix=prefix)
        return name

    def read(self, record: "ConsumerRecord[bytes, bytes]") -> tuple[str, Any]:
        """The type and the data of a record. Fails where it is not as the document says."""
        headers = {name: value.decode() for name, value in record.headers}
        name = headers["ce_type"]
        assert name in self._channel["messages"]
        message = ("components", "messages", name)
        self._check(headers, *message, "headers")
        self._check((record.key or b"").decode(), *message, "bindings", "kafka", "key")
        data = json.loads(record.value or b"")
        self._check(data, *message, "payload")
        assert self._document["components"]["messages"][name]["contentType"] == "application/json"
        return name, data

    def _check(self, value: Any, *path: str) -> None:
        schema = {"$ref": f"{self._document['id']}#/{'/'.join(path)}"}
        Draft202012Validator(
            schema, registry=self._registry, format_checker=Draft202012Validator.FORMAT_CHECKER
        ).validate(value)
