"""The documents in `docs/` say what the code says, are valid, and their examples are real."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from cloudevents.core.bindings.kafka import KafkaMessage, from_structured_event
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.exceptions import ValidationError

from baton import cloudevents, events, identity, topics
from baton.contracts import compatibility, documents, page, schemas
from baton.contracts.__main__ import main
from baton.events import EventData, LeadEvent

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
each_type = pytest.mark.parametrize("model", events.ALL, ids=lambda model: model.event_type)


def load(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def asyncapi() -> Any:
    return yaml.safe_load((DOCS / "contracts/asyncapi.yaml").read_text("utf-8"))


def example(model: type[EventData]) -> Any:
    return load(DOCS / f"contracts/examples/{model.event_type}.json")


def record(given: dict[str, Any]) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """The record of a CloudEvent in JSON."""
    attributes = {f"ce_{name}": value for name, value in given.items() if name != "data"}
    attributes["content-type"] = attributes.pop("ce_datacontenttype")
    return (
        given["subject"].encode(),
        json.dumps(given["data"]).encode(),
        [(name, value.encode()) for name, value in attributes.items()],
    )


# --- what is kept is what the code says


def test_the_documents_that_are_kept_say_what_the_code_says() -> None:
    assert list(documents.find_differences(DOCS, documents.generate(DOCS))) == []


def test_the_contract_breaks_no_reader_of_the_released_one() -> None:
    released = documents.released_contract(DOCS)
    assert released.schemas
    assert released.topics
    found = compatibility.breaks(released, documents.current_contract())
    assert found == [], "\n".join(map(str, found))


# --- the documents are valid


def test_the_asyncapi_document_is_valid() -> None:
    validator = Draft7Validator(load(HERE / "asyncapi/3.0.0.json"))
    assert [error.message for error in validator.iter_errors(asyncapi())] == []


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi()

    def follow(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                found = document
                for step in node["$ref"].removeprefix("#/").split("/"):
                    found = found[step]
            for inner in node.values():
                follow(inner)
        elif isinstance(node, list):
            for inner in node:
                follow(inner)

    follow(document)


def test_every_topic_is_a_channel_and_every_type_a_message_of_its_topic() -> None:
    document = asyncapi()
    assert set(document["channels"]) == {topic.name for topic in topics.ALL}
    for model in events.ALL:
        channel = document["channels"][model.topic.name]
        assert model.event_type in channel["messages"]
        message = document["components"]["messages"][model.event_type]
        assert message["bindings"]["kafka"]["key"]["type"] == "string"
        assert message["examples"], f"{model.event_type} has no example"


@each_type
def test_each_schema_is_a_schema(model: type[EventData]) -> None:
    schema = load(DOCS / f"contracts/schemas/{model.event_type}.json")
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)


def test_the_headers_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schemas.headers())


# --- the examples are real


@each_type
def test_each_example_is_an_event_that_is_encoded_as_it_was_decoded(
    model: type[EventData],
) -> None:
    key, value, headers = record(example(model))
    event = cloudevents.decode(key, value, headers)
    assert type(event.data) is model
    again = cloudevents.encode(event)
    assert again.key == key
    assert json.loads(again.value) == json.loads(value)
    assert sorted(again.headers) == sorted(headers)


@each_type
def test_each_example_is_as_its_schemas_say(model: type[EventData]) -> None:
    given = example(model)
    schema = load(DOCS / f"contracts/schemas/{model.event_type}.json")
    checks_formats = Draft202012Validator.FORMAT_CHECKER
    Draft202012Validator(schema, format_checker=checks_formats).validate(given["data"])
    _, _, headers = record(given)
    texts = {name: value.decode() for name, value in headers}
    Draft202012Validator(schemas.headers(), format_checker=checks_formats).validate(texts)
    with pytest.raises(ValidationError):
        Draft202012Validator(schema).validate({})


@each_type
def test_each_example_shows_every_field_that_is_always_written(model: type[EventData]) -> None:
    assert set(example(model)["data"]) == set(model.model_fields)


@each_type
def test_each_example_is_a_cloudevent_for_the_sdk_too(model: type[EventData]) -> None:
    path = DOCS / f"contracts/examples/{model.event_type}.json"
    read = from_structured_event(KafkaMessage({}, None, path.read_bytes()))
    assert read.get_type() == model.event_type


@pytest.mark.parametrize(
    "model",
    [model for model in events.ALL if issubclass(model, LeadEvent)],
    ids=lambda model: model.event_type,
)
def test_each_example_about_a_lead_is_about_one_that_the_id_vectors_key_makes(
    model: type[EventData],
) -> None:
    vectors = load(HERE / "id_vectors.json")["vectors"]
    key = next(bytes.fromhex(v["with"]["key"]) for v in vectors if v["function"] == "lead_id")
    phone = identity.phone_identity("hotline", "+49 30 23125 100", "Front Desk")
    known = {
        str(identity.lead_id(key, "acme", *identity.email_identity("vp.sales@example.com"))),
        str(identity.lead_id(key, "acme", *phone)),
    }
    assert example(model)["subject"] in known


def test_the_examples_of_a_lead_are_numbered_as_a_reader_meets_them() -> None:
    numbers: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for model in events.ALL:
        given = example(model)
        if "sequence" in given:
            place = (given["subject"], model.topic.name)
            numbers.setdefault(place, []).append((given["time"], given["sequence"]))
    for seen in numbers.values():
        assert [number for _, number in sorted(seen)] == [
            f"{n:020}" for n in range(1, len(seen) + 1)
        ]


# --- the command


@pytest.fixture(scope="module")
def up_to_date(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`docs/` as the code would have it, which no test writes to."""
    made = tmp_path_factory.mktemp("up-to-date") / "docs"
    shutil.copytree(DOCS, made)
    documents.write(made, documents.generate(made))
    return made


@pytest.fixture
def docs(up_to_date: Path, tmp_path: Path) -> Path:
    """A copy of it, to be written to."""
    copy = tmp_path / "docs"
    shutil.copytree(up_to_date, copy)
    return copy


def run(docs: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["baton.contracts", command, "--docs", str(docs)])
    return main()


def with_a_field_that_the_code_does_not_have(docs: Path) -> None:
    """As if the field had been in the release and were removed from the code."""
    path = docs / "contracts/released/schemas/baton.lead.routed.v1.json"
    schema = load(path)
    schema["properties"]["urgency"] = {"type": "string"}
    path.write_text(json.dumps(schema), "utf-8")


def texts(docs: Path) -> dict[Path, bytes]:
    return {path.relative_to(docs): path.read_bytes() for path in docs.rglob("*") if path.is_file()}


@pytest.mark.long
@pytest.mark.parametrize("command", ["write", "check", "release"])
def test_no_command_does_anything_about_a_change_that_breaks_a_reader(
    docs: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_a_field_that_the_code_does_not_have(docs)
    (docs / "contracts/asyncapi.yaml").write_text("", "utf-8")
    before = texts(docs)
    assert run(docs, command, monkeypatch) == 1
    assert "baton.lead.routed.v1: urgency is gone" in capsys.readouterr().err
    assert texts(docs) == before


@pytest.mark.long
def test_check_names_each_document_that_differs_is_missing_or_left_over(
    docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = texts(docs)
    (docs / "contracts/asyncapi.yaml").write_text("", "utf-8")
    (docs / "contracts/schemas/baton.lead.erased.v1.json").unlink()
    (docs / "contracts/schemas/baton.lead.lost.v1.json").write_text("{}", "utf-8")
    page_text = (docs / "events.md").read_text("utf-8")
    (docs / "events.md").write_text(
        page_text.replace("| `requested_by` |", "| `asked_by` |"), "utf-8"
    )
    before = texts(docs)
    assert run(docs, "check", monkeypatch) == 1
    assert capsys.readouterr().err.splitlines()[:4] == [
        "contracts/schemas/baton.lead.erased.v1.json is missing",
        "contracts/asyncapi.yaml is not what the code says",
        "events.md is not what the code says",
        "contracts/schemas/baton.lead.lost.v1.json is of nothing that the code knows",
    ]
    assert run(docs, "release", monkeypatch) == 1
    assert texts(docs) == before
    assert run(docs, "write", monkeypatch) == 0
    assert run(docs, "check", monkeypatch) == 0
    assert texts(docs) == whole


@pytest.mark.long
def test_what_was_released_is_what_later_changes_are_measured_by(
    docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(docs / "contracts/released")
    assert run(docs, "release", monkeypatch) == 0
    assert documents.released_contract(docs) == documents.current_contract()
    assert run(docs, "check", monkeypatch) == 0


@pytest.mark.long
def test_what_was_added_since_the_release_may_still_change(
    docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (docs / "contracts/released/schemas/baton.lead.erased.v1.json").unlink()
    assert run(docs, "check", monkeypatch) == 0
    path = docs / "contracts/released/schemas/baton.lead.released.v1.json"
    schema = load(path)
    del schema["properties"]["reason"]
    path.write_text(json.dumps(schema), "utf-8")
    assert run(docs, "check", monkeypatch) == 0


def test_a_page_without_its_marks_is_not_filled() -> None:
    text = (DOCS / "events.md").read_text("utf-8")
    with pytest.raises(ValueError, match="end of consumer"):
        page.fill(text.replace("<!-- end of consumer -->", ""), "", events.ALL)


def test_the_page_has_the_consumer_as_it_runs() -> None:
    source = (DOCS / "consumer.py").read_text("utf-8").rstrip()
    assert f"```python\n{source}\n```" in (DOCS / "events.md").read_text("utf-8")
