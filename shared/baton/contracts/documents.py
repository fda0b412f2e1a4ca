"""The documents below `docs/`: as the code would have them, as they are, and as released."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from baton import events, topics
from baton.contracts import asyncapi, openapi, operations, page, picture, schemas
from baton.contracts.compatibility import Contract
from baton.contracts.schemas import Document
from baton.manifest import manifests, writers
from baton.topics import Topic

_HEADERS = "record headers"
_EXAMPLES = Path("contracts/examples")
_SCHEMAS = Path("contracts/schemas")
_RELEASED = Path("contracts/released")
_PAGE = Path("events.md")
_OPERATIONS = Path("operations.md")
_PICTURE = Path("topics.svg")
_CONSUMER = Path("consumer.py")


def current_contract() -> Contract:
    """The contract that the code makes."""
    return Contract(
        schemas={_HEADERS: schemas.headers()}
        | {model.event_type: schemas.of_type(model) for model in events.ALL},
        topics={topic.name: _topic(topic) for topic in topics.ALL},
    )


def released_contract(docs: Path) -> Contract:
    """The contract that changes are measured by."""
    directory = docs / _RELEASED
    return Contract(
        schemas={path.stem: _load(path) for path in sorted((directory / "schemas").glob("*.json"))},
        topics=_load(directory / "topics.json") if (directory / "topics.json").exists() else {},
    )


def release(docs: Path, contract: Contract) -> None:
    """Make `contract` the one that later changes are measured by."""
    directory = docs / _RELEASED
    (directory / "schemas").mkdir(parents=True, exist_ok=True)
    for name, schema in contract.schemas.items():
        (directory / "schemas" / f"{name}.json").write_text(_json(schema), "utf-8")
    (directory / "topics.json").write_text(_json(dict(contract.topics)), "utf-8")


def generate(docs: Path) -> dict[Path, str]:
    """The text of each document that is made, by its path below `docs`."""
    made = {
        _SCHEMAS / f"{model.event_type}.json": _json(schemas.of_type(model)) for model in events.ALL
    }
    made[Path("contracts/asyncapi.yaml")] = _yaml(
        asyncapi.document(events.ALL, {name: [example] for name, example in _examples(docs)})
    )
    services = manifests()
    apis = {service.name: openapi.document(service) for service in services}
    for name, document in apis.items():
        made[openapi.DIRECTORY / f"{name}.json"] = _json(document)
    made[_PAGE] = page.fill(
        (docs / _PAGE).read_text("utf-8"), (docs / _CONSUMER).read_text("utf-8"), events.ALL
    )
    made[_OPERATIONS] = operations.fill((docs / _OPERATIONS).read_text("utf-8"), services, apis)
    made[_PICTURE] = picture.draw(services)
    for service in services:
        made |= {Path(name): text() for name, text in service.pages.items()}
    return made


def find_differences(docs: Path, made: Mapping[Path, str]) -> Iterator[str]:
    """The documents of `docs` that differ from the generated ones."""
    for path, text in made.items():
        if not (docs / path).exists():
            yield f"{path} is missing"
        elif (docs / path).read_text("utf-8") != text:
            yield f"{path} is not what the code says"
    for path in _left_over(docs, made):
        yield f"{path} is of nothing that the code knows"


def write(docs: Path, made: Mapping[Path, str]) -> None:
    """Bring `docs` up to what was made."""
    for path, text in made.items():
        (docs / path).parent.mkdir(parents=True, exist_ok=True)
        (docs / path).write_text(text, "utf-8")
    for path in list(_left_over(docs, made)):
        (docs / path).unlink()


def _left_over(docs: Path, made: Mapping[Path, str]) -> Iterator[Path]:
    for directory in (_SCHEMAS, openapi.DIRECTORY):
        for path in sorted((docs / directory).glob("*.json")):
            if path.relative_to(docs) not in made:
                yield path.relative_to(docs)


def _examples(docs: Path) -> Iterator[tuple[str, Document]]:
    for model in events.ALL:
        path = docs / _EXAMPLES / f"{model.event_type}.json"
        if path.exists():
            yield model.event_type, _load(path)


def _topic(topic: Topic) -> Document:
    return {
        "key": topic.key.value,
        "partitions": asyncapi.partitions(topic),
        "retention_days": None if topic.retention is None else topic.retention.days,
        "owner": writers(topic),
        "types": [model.event_type for model in events.ALL if model.topic is topic],
    }


def _load(path: Path) -> Document:
    loaded: Document = json.loads(path.read_text("utf-8"))
    return loaded


def _json(document: Document) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


class _Dumper(yaml.SafeDumper):
    """YAML without anchors, and with lists set in from their key."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - whatever it is
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's
        super().increase_indent(flow, indentless=False)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, "|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(document: Document) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
