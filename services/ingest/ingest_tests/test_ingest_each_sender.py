"""Each sender over HTTP: a signed delivery is accepted; with one byte changed the answer is 401.

The table of ways lists what each scheme covers, and the tests also check what it does not cover. A
plain secret does not protect the body, and few senders sign the address, the method or the time.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest

from baton import topics
from baton.events import LeadActivity, LeadCaptured, LeadFollowup
from baton.policy.bundle import Bundle
from ingest.capture.submissions import FollowupIn
from ingest.identity.alias_store import AliasStore
from ingest.identity.aliases import Alias
from ingest.identity.person import Person
from ingest.policy.source import SignedSource
from ingest.policy.sources import sources_of
from ingest.senders.catalogue import SENDERS, sender_of
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.items import Item
from ingest.senders.kit.places import NotAuthenticError
from ingest.senders.kit.signing import Scheme, UnusableSecretError, verify
from ingest.settings import Settings
from ingest_tests.harness import NOW, TOKEN, Process, eventually, running
from ingest_tests.signers import HOOKS, SECRET, WAYS, Way, at_the_end, delivered
from ingest_tests.vendor_api import Vendor, serving
from ingest_tests.vendors import DETAILS, IN_THE_HOUSE, SOURCES, bundle

BUYER = "buyer@example.com"
TOPICS = (topics.LEAD_CAPTURED, topics.LEAD_ACTIVITY, topics.LEAD_FOLLOWUP)


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    with serving(made):
        yield made


@pytest.fixture(scope="module")
def sources(vendor: Vendor) -> Bundle:
    details = f"details: {{url: 'http://127.0.0.1:{vendor.port}/v1/{{id}}'}},"
    return bundle(IN_THE_HOUSE, details)


@pytest.fixture
async def process(settings_of_its_own: Settings, sources: Bundle) -> AsyncIterator[Process]:
    async with running(settings_of_its_own, sources) as made:
        await made.circuit.closed.wait()
        del made.http.headers["Authorization"]
        yield made


async def send(process: Process, way: Way, delivery: Delivery) -> httpx.Response:
    process.environment["SECRET"] = way.secret
    path = f"/v1/webhooks/{delivery.url.removeprefix(HOOKS)}"
    headers = dict(delivery.headers)
    return await process.http.request(delivery.method, path, content=delivery.body, headers=headers)


def test_each_kind_of_sender_has_its_way() -> None:
    assert {way.kind for way in WAYS} == set(SENDERS)


@pytest.mark.parametrize("kind", SENDERS)
def test_each_scheme_of_a_sender_is_that_of_a_way(kind: str) -> None:
    source = SOURCES[kind]
    assert isinstance(source, SignedSource)
    for scheme in sender_of(source).signing(source):
        assert any(is_used(scheme, way) for way in WAYS), scheme


def is_used(scheme: Scheme, way: Way) -> bool:
    try:
        verify((scheme,), [way.secret], delivered(way), NOW)
    except (NotAuthenticError, UnusableSecretError):
        return False
    return True


def test_what_is_kept_of_a_delivery_is_read_as_when_it_came(sources: Bundle) -> None:
    for way in WAYS:
        source, delivery = sources_of(sources)[way.source], delivered(way)
        assert isinstance(source, SignedSource)
        sender = sender_of(source)
        kept = sender.readable(source, delivery)
        arriving = replace(delivery, body=kept.body)
        assert sender.read(source, kept) == sender.read(source, arriving), way
        assert way.secret not in str(kept)
        assert way.secret not in str(sender.read(source, kept))


# --- what is sent arrives


async def test_what_each_sender_sends_arrives_on_its_topic(
    process: Process, vendor: Vendor, sources: Bundle
) -> None:
    key = process.settings.id_key.get_secret_value().encode()
    buyer = Person("main", "", email=BUYER).identified(key).lead_id
    told: list[tuple[Way, str | None]] = []
    for way in WAYS:
        delivery, source = delivered(way), sources_of(sources)[way.source]
        assert isinstance(source, SignedSource)
        for item in sender_of(source).read(source, delivery):
            if isinstance(item, Item):
                await prepare(process, vendor, way, item, buyer)
        answer = await send(process, way, delivery)
        assert answer.status_code in (200, 202), (way, answer.text)
        if "xml" in answer.headers["content-type"]:
            # What is acknowledged in SOAP is told no id.
            told.append((way, None))
        else:
            told += [(way, result["event_id"]) for result in answer.json()["results"]]
    assert {way.kind for way, _ in told} == set(SENDERS)
    await eventually(partial(all_is_fetched, process))
    arrived = await leads_by_source(process)
    for way, event_id in told:
        there = arrived[way.source]
        assert there[event_id or next(iter(there))] == buyer, way


async def prepare(process: Process, vendor: Vendor, way: Way, item: Item, lead_id: UUID) -> None:
    """Know whose the records are that a follow-up names, and what is to be fetched of a lead."""
    if item.fetch is not None:
        vendor.says(quote(item.fetch.id, safe=""), (200, DETAILS[way.source]))
    if item.becomes != "followup":
        return
    given = FollowupIn.model_validate({"source": way.source, **item.document})
    person = Person(
        brand="main",
        source=way.source,
        external_id=given.external_id,
        phone=given.phone,
        records=given.records,
    )
    aliases = [Alias(name, lead_id, NOW) for name in person.names()]
    async with process.pool.acquire() as db, db.transaction():
        await AliasStore().save(db, aliases, None)  # type: ignore[arg-type]  # a proxy of it


@pytest.mark.parametrize(
    "rest", ["/ab%2Bc%2Fd%3D", "/ab+c%2Fd=", "?token=ab%2Bc%2Fd%3D", "?token=ab+c/d="]
)
async def test_a_secret_in_base64_may_stand_in_the_address(rest: str, process: Process) -> None:
    way = Way("brevo", at_the_end(rest), secret="ab+c/d=")
    answer = await send(process, way, delivered(way))
    assert answer.status_code == 202, answer.text
    other = await send(process, replace(way, secret="ab c/d"), delivered(way))
    assert other.status_code == 401


async def all_is_fetched(process: Process) -> bool:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = await process.http.get("/v1/fetches", headers=headers)
    left: list[object] = answer.json()["leads"]
    return not left


async def leads_by_source(process: Process) -> Mapping[str, Mapping[str, UUID]]:
    """The leads of the events on the topics, by source."""
    found: dict[str, dict[str, UUID]] = defaultdict(dict)
    for topic in TOPICS:
        for event in await process.events(topic):
            data = event.data
            assert isinstance(data, LeadCaptured | LeadActivity | LeadFollowup)
            source = data.profile.source if isinstance(data, LeadCaptured) else data.source
            found[source][str(event.id)] = data.lead_id
    return found


# --- what is changed on its way is refused


async def test_with_a_byte_changed_of_what_counts_a_delivery_is_refused(process: Process) -> None:
    for way in WAYS:
        sent = list(forgeries(way))
        assert sent
        for forged in sent:
            answer = await send(process, way, forged)
            assert answer.status_code == 401, (way, forged, answer.text)


async def test_what_no_scheme_covers_is_free_to_change(process: Process) -> None:
    for way in WAYS:
        for part, changed in free(way):
            answer = await send(process, way, changed)
            good = (200, 405) if part == "method" else (200, 202)
            assert answer.status_code in good, (way, part, answer.text)


def forgeries(way: Way) -> Iterator[Delivery]:
    """The delivery with a byte changed of each part that counts, in turn."""
    delivery = delivered(way)
    for body in with_a_byte_changed(delivery.body.decode(), all_of_it="body" in way.covers):
        yield replace(delivery, body=body.encode())
    for name in set(delivery.headers) - {"content-type", *SENDERS[way.kind].example.headers}:
        for text in with_a_byte_changed(delivery.headers[name], all_of_it=True):
            yield replace(delivery, headers={**delivery.headers, name: text})
    start, rest = f"{HOOKS}{way.source}", delivery.url.removeprefix(f"{HOOKS}{way.source}")
    for text in with_a_byte_changed(rest[1:], all_of_it="url" in way.covers):
        yield replace(delivery, url=f"{start}{rest[:1]}{text}")
    if "url" in way.covers:
        # The same path, in another writing.
        yield replace(delivery, url=f"{start[:-1]}%{ord(start[-1]):x}{rest}")
    if "method" in way.covers:
        yield from (replace(delivery, method=method) for method in ("GET", "OPTIONS"))
    if "time" in way.covers:
        yield from (delivered(way, timedelta(minutes=minutes)) for minutes in (-6, 6))


def with_a_byte_changed(text: str, *, all_of_it: bool) -> Iterator[str]:
    """A text changed here and there, and at each place of a secret that it shows."""
    at = text.find(SECRET)
    places = set(range(at, at + len(SECRET))) if at >= 0 else set()
    if all_of_it and text:
        places |= {*range(0, len(text), 1 + len(text) // 12), len(text) - 1}
    for place in sorted(places):
        yield text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]


def free(way: Way) -> Iterator[tuple[str, Delivery]]:
    """The delivery with a part changed that its way does not cover, in turn."""
    delivery = delivered(way)
    if "body" not in way.covers:
        yield "body", replace(delivery, body=delivery.body + b" ")
    if "url" not in way.covers:
        more = "&more=1" if "?" in delivery.url else "?more=1"
        yield "url", replace(delivery, url=f"{delivery.url}{more}")
    if "method" not in way.covers:
        yield "method", replace(delivery, method="GET")
    if "time" not in way.covers:
        yield "time", delivered(way, -timedelta(days=30))
