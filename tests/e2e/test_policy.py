"""Which policy is in force, and what becomes of services that have none they can decide by."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest

from baton import activation, cloudevents, identity, kafka, topics
from baton.cloudevents import Event, Message
from baton.events import (
    BundlePublished,
    EventData,
    LeadCaptured,
    LeadEvent,
    LeadRouted,
    LeadScored,
    PolicyActivated,
    SlaStarted,
)
from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from baton_local.services import SERVICES
from tests.e2e.deployment import POLICY, Deployment
from tests.e2e.people import person
from tests.e2e.world import World, eventually
from tests.runtime.unreadable import NOT_UTF8, put_batch


@pytest.fixture(autouse=True, scope="module")
def left_as_found(everyday: Deployment) -> Iterator[None]:
    """The policy changes here; each test begins by saying which one is in force."""
    yield
    everyday.activate(Bundle.read(POLICY, policy_sections()))
    everyday.stack.wait_ready(*SERVICES)


@pytest.fixture
def usual() -> Bundle:
    """The bundle of these tests."""
    return Bundle.read(POLICY, policy_sections())


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """One by which an enquiry goes to another pool, and has another rule's name."""
    for file in POLICY.glob("*.yaml"):
        text = file.read_text()
        if file.name == "routing.yaml":
            text = text.replace(
                "- id: patient\n    label: Who has time", "- id: changed\n    label: C"
            )
        (tmp_path / file.name).write_text(text)
    return tmp_path


async def baton(world: World, *arguments: str) -> str:
    """What the operator's command prints."""
    return await asyncio.to_thread(world.deployment.quick_baton, *arguments)


async def decided_by(world: World, hash_: str) -> Event[LeadRouted]:
    """Once enquiries are decided by this bundle, in scoring and in routing."""

    async def look() -> Event[LeadRouted] | None:
        taken = await world.enquire(person())
        routed = await world.routed(taken.lead_id)
        scored = await world.wire.event(LeadScored, taken.lead_id)
        return routed if {routed.policyversion, scored.policyversion} == {hash_} else None

    return await eventually(look)


async def in_force(world: World, bundle: Bundle) -> None:
    """Have it in force, in every service."""
    await activation.activate(world.deployment.kafka, bundle, None, "the tests", "to begin with")
    await world.ready(*SERVICES)
    await decided_by(world, bundle.hash)


async def test_a_service_without_a_policy_lives_and_is_not_ready_and_says_what_to_do(
    without_policy: Mapping[str, tuple[int, httpx.Response]],
) -> None:
    assert set(without_policy) == set(SERVICES)
    for alive, ready in without_policy.values():
        assert alive == 200
        assert ready.status_code == 503
        assert "baton policy activate" in ready.json()["reasons"]["policy"]


async def test_an_activated_bundle_changes_decisions_and_each_names_the_bundle_it_followed(
    world: World, usual: Bundle, other: Path
) -> None:
    await in_force(world, usual)
    who = ("--by", "Sales operations", "--why", "new territories")
    await baton(world, "policy", "activate", str(other), *who)
    routed = await decided_by(world, Bundle.read(other, policy_sections()).hash)
    assert routed.data.rule == "changed"
    told = await world.get("routing", f"/v1/leads/{routed.data.lead_id}/assignments")
    assert {each["policy"] for each in told["decisions"]} == {
        Bundle.read(other, policy_sections()).hash
    }


async def test_a_bundle_that_is_activated_for_later_takes_effect_then(
    world: World, usual: Bundle, other: Path
) -> None:
    await in_force(world, usual)
    later = datetime.now(UTC) + timedelta(seconds=5)
    who = ("--by", "Sales operations", "--why", "new territories", "--at", later.isoformat())
    await baton(world, "policy", "activate", str(other), *who)
    await decided_by(world, usual.hash)
    routed = await decided_by(world, Bundle.read(other, policy_sections()).hash)
    assert routed.time >= later
    for event in world.wire.events(LeadScored, LeadRouted):
        assert event.policyversion == (
            usual.hash if event.time < later else Bundle.read(other, policy_sections()).hash
        )


async def test_going_back_puts_the_bundle_before_in_force_again(
    world: World, usual: Bundle, other: Path
) -> None:
    await in_force(world, usual)
    await in_force(world, Bundle.read(other, policy_sections()))
    said = await baton(world, "policy", "back", "--by", "Sales operations", "--why", "too many")
    assert usual.hash[:12] in said
    assert (await decided_by(world, usual.hash)).data.rule == "patient"


async def test_a_bundle_that_this_release_can_not_read_stops_the_deciding_services_with_the_reason(
    world: World, usual: Bundle
) -> None:
    await in_force(world, usual)
    hash_ = await activate_unreadable(world, {"routing.yaml": "pools: [}"})

    async def says_so(service: str) -> bool:
        answer = await world.http.get(world.deployment.url(service) + "/readyz")
        # Intake must not turn leads away: it goes on with the last one that it can read.
        expected = 200 if service == "ingest" else 503
        return answer.status_code == expected and hash_[:12] in answer.text

    try:
        for service in SERVICES:
            await eventually(partial(says_so, service))
            assert await world.status(service, "/healthz") == 200
        waiting = await world.enquire(person())
        captured = await world.wire.event(LeadCaptured, waiting.lead_id)
        assert captured.policyversion == usual.hash
    finally:
        await in_force(world, usual)
    await world.routed(waiting.lead_id)


NEWER: Mapping[str, tuple[Mapping[str, tuple[str, str]], set[str]]] = {
    "a kind of sender": ({"sources.yaml": ("kind: api", "kind: carrier_pigeon")}, {"ingest"}),
    "a target": ({"sla.yaml": ("first_response:", "first_meeting:")}, {"sla_monitor"}),
    "a file": ({}, set()),
}
"""What a newer release may have put in force, and which services of this one read that."""

EVENTS: Mapping[str, type[LeadEvent]] = {
    "ingest": LeadCaptured,
    "scoring": LeadScored,
    "routing": LeadRouted,
    "sla_monitor": SlaStarted,
}
"""What each service writes of an enquiry, with the hash of the bundle that it decided by."""


@pytest.mark.parametrize(("changes", "readers"), NEWER.values(), ids=NEWER)
async def test_what_a_service_does_not_read_of_a_newer_release_s_bundle_does_not_stop_it(
    world: World, usual: Bundle, changes: Mapping[str, tuple[str, str]], readers: set[str]
) -> None:
    await in_force(world, usual)
    files = {**usual.files, "consent.yaml": "consent: {double_opt_in: true}\n"}
    for file, (old, new) in changes.items():
        assert old in files[file]
        files[file] = files[file].replace(old, new)
    newer = Bundle.parse(files, ())
    # Intake must not turn leads away: it goes on with the last one that it can read.
    stopped = readers - {"ingest"}
    expected = {service: newer.hash for service in SERVICES if service not in stopped}
    if "ingest" in readers:
        expected["ingest"] = usual.hash

    async def decides() -> bool:
        taken = await world.enquire(person())
        found = {}
        for service in expected:
            event = await world.wire.event(EVENTS[service], taken.lead_id)
            found[service] = event.policyversion
        return found == expected

    async def says_how_it_stands(service: str) -> bool:
        answer = await world.http.get(world.deployment.url(service) + "/readyz")
        named = newer.hash[:12] in answer.text
        return (answer.status_code == 503, named) == (service in stopped, service in readers)

    try:
        await activation.activate(world.deployment.kafka, newer, None, "a newer release", "a test")
        await eventually(decides)
        for service in SERVICES:
            await eventually(partial(says_how_it_stands, service))
    finally:
        await in_force(world, usual)


async def test_a_record_that_the_kafka_client_can_not_read_ends_no_process_nor_hides_what_follows(
    world: World, usual: Bundle, other: Path
) -> None:
    await in_force(world, usual)
    stack, settings = world.deployment.stack, world.deployment.kafka
    pids = {service: stack.pid(service) for service in SERVICES}
    unreadable = Message("policy", b"key", b"{}", [(NOT_UTF8, b"value")])
    topic = kafka.topic_name(settings, topics.POLICY)
    await put_batch(settings.kafka_bootstrap_servers, topic, [unreadable])
    await in_force(world, Bundle.read(other, policy_sections()))
    assert {service: stack.pid(service) for service in SERVICES} == pids
    await asyncio.to_thread(stack.stop_program, "ingest", crash=True)
    await asyncio.to_thread(stack.start_program, "ingest")
    await in_force(world, usual)
    said = await baton(world, "policy", "active")
    assert usual.hash[:12] in said


async def activate_unreadable(world: World, files: Mapping[str, str]) -> str:
    """Put in force what a newer release may have written; returns its hash."""
    hash_ = hashlib.sha256(str(files).encode()).hexdigest()
    now = datetime.now(UTC)
    activated = PolicyActivated(
        activation_id=identity.following_id(identity.named_id(hash_), now, "test", 0),
        hash=hash_,
        effective_at=now,
        activated_at=now,
        by="the tests",
        why="newer than this release",
    )
    bundle = BundlePublished(hash=hash_, files=dict(files))
    told: list[tuple[str, EventData]] = [(hash_, bundle), (str(activated.activation_id), activated)]
    for subject, data in told:
        id_ = identity.named_id("policy of a test", subject)
        message = cloudevents.encode(Event(id_, "/tests", now, subject, data))
        await world.wire.put(message, partition=0)
    return hash_


async def test_a_partition_count_that_the_database_has_not_seen_stops_a_service_and_is_explained(
    world: World, make_topic_prefix: Callable[[], str]
) -> None:
    elsewhere = make_topic_prefix()
    larger = world.deployment.kafka.model_copy(update={"topic_prefix": elsewhere, "partitions": 5})
    await kafka.apply_topics(larger)
    stack, name = world.deployment.stack, "scoring-elsewhere"
    program = world.deployment.another("scoring", name, BATON_TOPIC_PREFIX=elsewhere)
    stack.add(program)
    await asyncio.to_thread(stack.start_program, name, wait=False)
    url = f"http://127.0.0.1:{program.port}"
    expected = re.compile(rf"{elsewhere}\S+ has 5 partitions, and the database has seen 3 shards")

    async def explained() -> bool:
        with suppress(httpx.TransportError):
            answer = await world.http.get(f"{url}/readyz")
            reason = answer.json()["reasons"].get("runner", "")
            return answer.status_code == 503 and expected.match(reason) is not None
        return False

    await eventually(explained)
    assert (await world.http.get(f"{url}/healthz")).status_code == 200
    await asyncio.to_thread(stack.stop_program, name)
