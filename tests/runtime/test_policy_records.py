"""Whatever stands on the `policy` topic or in its tables, the others are read and nobody ends."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from baton import activation, cloudevents, identity, kafka, topics
from baton.cloudevents import Event, Message
from baton.events import BundlePublished, PolicyActivated
from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from baton.runtime.activations import parse_activations
from tests.runtime.harness import BUNDLE, Process, World, captured, eventually
from tests.runtime.unreadable import NOT_UTF8, put_batch


@pytest.fixture
def other(tmp_path: Path) -> Bundle:
    """A bundle that is not in force."""
    files = {path.name: path.read_text() for path in BUNDLE.glob("*.yaml")}
    return Bundle.parse_whole(
        files | {"tests.yaml": files["tests.yaml"] + "\n# another\n"}, policy_sections()
    )


async def put(world: World, messages: Sequence[Message]) -> None:
    """Write records to the topic, in one batch."""
    name = kafka.topic_name(world.settings, topics.POLICY)
    await put_batch(world.settings.kafka_bootstrap_servers, name, messages)


def message(key: str, value: bytes = b"{}", **headers: bytes) -> Message:
    """A record of the topic that is no event."""
    return Message("policy", key.encode(), value, list(headers.items()))


def of_bundle(files: object, hash_: str = "a" * 64) -> Message:
    """The record of a bundle, with any files."""
    data = BundlePublished.model_construct(hash=hash_, files=files)  # type: ignore[arg-type]
    event = Event(identity.named_id("test", hash_), "/test", datetime.now(UTC), hash_, data)
    made = cloudevents.encode(replace(event, data=BundlePublished(hash=hash_, files={})))
    return replace(made, value=json.dumps({"hash": hash_, "files": data.files}).encode())


def with_a_header(name: str, given: Message | None = None) -> Message:
    made = given or message("k")
    return replace(made, headers=[*made.headers, (name, b"v")])


BAD: dict[str, Callable[[], list[Message]]] = {
    "a header's name that is not UTF-8": lambda: [with_a_header(NOT_UTF8)],
    "several of them in one batch": lambda: [with_a_header(NOT_UTF8)] * 5,
    "one behind what is no event, in one batch": lambda: [message("a"), with_a_header(NOT_UTF8)],
    "a header's value that is not UTF-8": lambda: [message("k", ce_type=b"\xff\xfe")],
    "a value that is not UTF-8": lambda: [replace(of_bundle({}), value=b"\xff\xfe")],
    "a value that nests": lambda: [replace(of_bundle({}), value=b"[" * 100_000)],
    "a bundle without files": lambda: [of_bundle({})],
    "a bundle whose files are a list": lambda: [of_bundle(["definitions.yaml"])],
    "a bundle of texts with NUL": lambda: [of_bundle({"definitions.yaml": "\0", "\0": "x"})],
    "a bundle of half a pair": lambda: [of_bundle({"definitions.yaml": "\ud800"})],
    "a bundle that nests": lambda: [of_bundle({"definitions.yaml": "[" * 50_000})],
    "a bundle of aliases": lambda: [of_bundle({"definitions.yaml": "a: &a [*a, *a]\nb: *a"})],
}


async def follows(world: World, process: Process, hash_: str) -> None:
    """Once a process decides by this bundle, and the database has it."""

    async def kept() -> bool:
        text = await world.db.fetchval("SELECT activations FROM policy_in_force")
        return [each.hash for each in parse_activations(text)][-1:] == [hash_]

    await eventually(kept)
    lead_id = world.lead()
    await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 1)
    assert not any(task.done() for task in process.tasks)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_a_record_that_can_not_be_read_is_passed_over_by_who_runs_and_by_who_starts(
    world: World, other: Bundle, bad: Callable[[], list[Message]]
) -> None:
    running = await world.start()
    await follows(world, running, Bundle.read(BUNDLE, policy_sections()).hash)
    await put(world, bad())
    await activation.activate(world.settings, other, None, "test", "behind it")
    await follows(world, running, other.hash)
    await running.end()
    await world.db.execute("DELETE FROM policy_in_force")
    await follows(world, await world.start(), other.hash)
    activations, _ = await activation.history(world.settings)
    assert activations[-1].hash == other.hash


async def test_what_stands_before_it_in_its_batch_is_read(world: World, other: Bundle) -> None:
    process = await world.start()
    await follows(world, process, Bundle.read(BUNDLE, policy_sections()).hash)
    now = datetime.now(UTC)
    id_ = identity.named_id("activation of a test", other.hash)
    activated = PolicyActivated(
        activation_id=id_, hash=other.hash, effective_at=now, activated_at=now, by="t", why="t"
    )
    bundle = of_bundle(dict(other.files), other.hash)
    in_force = cloudevents.encode(Event(id_, "/test", now, str(id_), activated))
    await put(world, [bundle, in_force, with_a_header(NOT_UTF8)])
    await follows(world, process, other.hash)


async def test_a_bundle_in_force_that_can_not_be_read_leaves_a_process_alive_and_says_so(
    world: World,
) -> None:
    process = await world.start()
    hash_ = "b" * 64
    now = datetime.now(UTC)
    id_ = identity.named_id("activation of a test", hash_)
    activated = PolicyActivated(
        activation_id=id_, hash=hash_, effective_at=now, activated_at=now, by="t", why="t"
    )
    in_force = cloudevents.encode(Event(id_, "/test", now, str(id_), activated))
    await put(world, [with_a_header(NOT_UTF8, of_bundle({}, hash_))])
    await put(world, [in_force])

    async def said() -> bool:
        return hash_[:12] in process.status.reasons.get("policy", "")

    await eventually(said)
    assert not any(task.done() for task in process.tasks)


@pytest.mark.parametrize("files", ["[]", "null", "7", '{"definitions.yaml": 7}', '{"a": null}'])
async def test_a_row_of_a_bundle_that_can_not_be_read_ends_no_process(
    world: World, files: str
) -> None:
    hash_ = Bundle.read(BUNDLE, policy_sections()).hash
    first = await world.start()
    await follows(world, first, hash_)
    await first.end()
    await world.db.execute("INSERT INTO policy_bundle VALUES ($1, $2)", "c" * 64, files)
    await follows(world, await world.start(), hash_)
