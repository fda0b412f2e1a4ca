"""Each published delivery is accepted, and tells what it should; a byte changed, and it is not."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from baton.events import EventData, LeadCaptured
from baton.policy.bundle import Bundle
from baton.topics import LEAD_ACTIVITY, LEAD_CAPTURED, LEAD_FOLLOWUP
from ingest.senders.catalogue import sender_of
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.items import Item, ItemResult, Unreadable
from ingest.senders.kit.places import NotAuthenticError
from ingest.senders.kit.sender import Reply
from ingest.senders.kit.signing import verify
from ingest.settings import Settings
from ingest_tests import sales as ingest_sales
from ingest_tests.harness import Process, running
from ingest_tests.sales import OF_SALES
from ingest_tests.samples import (
    PLAIN,
    Sample,
    bundle,
    event_of,
    every_sample,
    needs_samples,
    samples,
    says,
)


@pytest.fixture(scope="module")
def vendors() -> Bundle:
    return bundle()


def check(sample: Sample, vendors: Bundle, delivery: Delivery) -> None:
    source = sample.source(vendors)
    verify(sender_of(source).signing(source), [sample.secret], delivery, sample.now)


def is_greeting(sample: Sample) -> bool:
    """Whether the sample is a handshake instead of a delivery."""
    if "validation-token" in sample.delivery.headers:
        return True
    return sample.delivery.method != "POST" and "signature" not in str(sample.delivery.headers)


@pytest.mark.parametrize("sample", samples(lambda sample: not is_greeting(sample)))
def test_a_published_delivery_is_authentic(sample: Sample, vendors: Bundle) -> None:
    check(sample, vendors, sample.delivery)


@pytest.mark.parametrize("sample", samples(lambda sample: not is_greeting(sample)))
def test_with_a_byte_changed_of_what_counts_it_is_not_authentic(
    sample: Sample, vendors: Bundle
) -> None:
    forged = list(forgeries(sample))
    assert forged
    for each in forged:
        with pytest.raises(NotAuthenticError):
            check(sample, vendors, each)


URL_COUNTS = ("gong-jwt", "hubspot-v2", "hubspot-v3", "twilio", "twilio-json")
METHOD_COUNTS = ("hubspot-v2", "hubspot-v3")
SHOWS_ITS_SECRET = ("basic", "body-token", None)
"""By the index's names for the schemes; without one, a secret is shown in a header or the URL."""


def forgeries(sample: Sample) -> Iterator[Delivery]:
    """The delivery with each byte of what counts changed in turn."""
    delivery, signature = sample.delivery, sample.told["signature"] or {}
    scheme, secret = signature.get("scheme"), sample.secret
    body = delivery.body.decode("latin-1")
    if scheme not in SHOWS_ITS_SECRET:
        places = range(len(body))
    else:
        places = _span(body, f'"{secret}"') if scheme == "body-token" else range(0)
    for forged in _changed(body, places):
        yield replace(delivery, body=forged.encode("latin-1"))
    named = [name.lower() for name in signature.get("expected_headers", {})]
    for name in named or ({"authorization", "x-ingest-token"} & set(delivery.headers)):
        value = delivery.headers[name]
        # Of Stripe's several versions, v0 does not count.
        for forged in _changed(value, range(len(value.partition(",v0=")[0]))):
            yield replace(delivery, headers={**delivery.headers, name: forged})
    all_of_it = scheme in URL_COUNTS
    places = range(len(delivery.url)) if all_of_it else _span(delivery.url, secret)
    for forged in _changed(delivery.url, places):
        yield replace(delivery, url=forged)
    if scheme in METHOD_COUNTS:
        yield replace(delivery, method="PUT")


def _changed(text: str, places: range) -> Iterator[str]:
    for place in places:
        yield text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]


def _span(text: str, secret: str) -> range:
    at = text.find(secret)
    return range(at, at + len(secret)) if at >= 0 else range(0)


@pytest.mark.parametrize("sample", samples(lambda sample: sample.expected is not None))
def test_a_published_delivery_tells_what_is_expected(sample: Sample, vendors: Bundle) -> None:
    source = sample.source(vendors)
    items = sender_of(source).read(source, sample.delivery)
    assert sample.expected is not None
    assert len(items) == len(sample.expected)
    for item, expected in zip(items, sample.expected, strict=True):
        assert missing(sample, item, expected, vendors) == []


@pytest.mark.parametrize("sample", samples(lambda sample: sample.expected is not None))
def test_what_is_kept_of_a_published_delivery_is_read_as_when_it_came(
    sample: Sample, vendors: Bundle
) -> None:
    source = sample.source(vendors)
    sender = sender_of(source)
    kept = sender.readable(source, sample.delivery)
    assert sender.read(source, kept) == sender.read(source, sample.delivery)


@pytest.mark.parametrize("sample", samples(lambda sample: sample.expected is not None))
def test_what_a_delivery_does_not_tell_would_be_seen(sample: Sample, vendors: Bundle) -> None:
    source = sample.source(vendors)
    items = sender_of(source).read(source, sample.delivery)
    for item, expected in zip(items, sample.expected or [], strict=True):
        for name, value in expected.items():
            if name not in ("attempt", "kind", "object"):
                assert missing(sample, item, {name: another(value)}, vendors) != [], name


def another(value: Any) -> Any:
    """A value that is not this one, of its kind."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str() if "T" in value and value[:4].isdigit():
            return "2001-01-01T00:00:00+00:00"
        case dict():
            return {name: another(each) for name, each in value.items()}
        case list():
            return [*value, "another"]
        case _:
            return f"another {value}"


def missing(sample: Sample, item: ItemResult, expected: Mapping[str, Any], of: Bundle) -> list[str]:
    """The expected values that the item does not have."""
    assert not isinstance(item, Unreadable), item
    if isinstance(item, Item):
        return unsaid(sample, item, expected, event_of(sample, item, of))
    return ingest_sales.says(expected, item)


def unsaid(sample: Sample, item: Item, expected: Mapping[str, Any], event: EventData) -> list[str]:
    """The expected values that the item's event does not have."""
    if sample.vendor not in OF_SALES or item.becomes == "lead":
        return says(expected, item, event)
    return ingest_sales.says(expected, item)


@pytest.mark.parametrize("sample", samples(is_greeting))
def test_a_handshake_is_answered_as_the_vendor_asks(sample: Sample, vendors: Bundle) -> None:
    source = sample.source(vendors)
    environment = {"SECRET": sample.secret, "VERIFY_TOKEN": "meatyhamhock"}
    reply = sender_of(source).handshake(source, sample.delivery, environment)
    wanted = sample.told["response"]
    assert isinstance(reply, Reply)
    assert reply.status == wanted["status"]
    if "body" in wanted:
        assert reply.body.decode() == wanted["body"]
        assert reply.media_type == wanted["content_type"]
    assert set(wanted.get("headers", {})) <= set(reply.headers)


@pytest.mark.parametrize(
    "sample", samples(lambda sample: sample.vendor in ("mailchimp", "meta") and is_greeting(sample))
)
def test_a_handshake_that_has_a_secret_is_answered_to_who_knows_it(
    sample: Sample, vendors: Bundle
) -> None:
    source = sample.source(vendors)
    for environment in ({"SECRET": "another", "VERIFY_TOKEN": "another"}, {}):
        with pytest.raises(NotAuthenticError):
            sender_of(source).handshake(source, sample.delivery, environment)


# --- over HTTP


@pytest.fixture
async def edge(settings: Settings, vendors: Bundle) -> AsyncIterator[Process]:
    async with running(settings, vendors) as process:
        await process.circuit.closed.wait()
        del process.http.headers["Authorization"]
        yield process


HOOKS = "https://ingest.example.com/hooks/"


def is_ours(sample: Sample) -> bool:
    """Whether it was sent to where the tests' process is."""
    return sample.delivery.url.startswith(HOOKS)


async def send(process: Process, sample: Sample, delivery: Delivery) -> httpx.Response:
    process.clock.now = sample.now
    process.environment |= {"SECRET": sample.secret, "VERIFY_TOKEN": "meatyhamhock"}
    path = f"/v1/webhooks/{delivery.url.removeprefix(HOOKS)}"
    headers = {name: text for name, text in delivery.headers.items() if name != "content-length"}
    return await process.http.request(delivery.method, path, content=delivery.body, headers=headers)


@needs_samples
async def test_published_deliveries_go_end_to_end(edge: Process) -> None:
    sent = [sample for sample in every_sample() if is_ours(sample)]
    assert {sample.vendor for sample in sent} == set(PLAIN)
    taken: list[tuple[Sample, Item, Mapping[str, Any], str]] = []
    for sample in sent:
        answer = await send(edge, sample, sample.delivery)
        assert answer.status_code in (200, 202), (sample.name, answer.text)
        if sample.expected is None:
            continue
        source = sample.source(bundle())
        told = sender_of(source).read(source, sample.delivery)
        items = [
            (sample, item, expected)
            for item, expected in zip(told, sample.expected, strict=True)
            if isinstance(item, Item)
        ]
        if "xml" in answer.headers["content-type"]:
            taken += [(*item, str(item[1].document["delivery_id"])) for item in items]
            continue
        results = answer.json()["results"]
        assert [each["state"] for each in results] == [becomes(item) for _, item, _ in items]
        again = await send(edge, sample, sample.delivery)
        assert again.json() == answer.json(), sample.name
        taken += [
            (*item, result["event_id"])
            for item, result in zip(items, results, strict=True)
            if result["state"] == "published"
        ]
    on_topics = await events(edge)
    for sample, item, expected, id_ in taken:
        assert unsaid(sample, item, expected, on_topics[id_]) == [], sample.name


async def events(process: Process) -> dict[str, EventData]:
    """All of the topics, by their ids; those of leads also by the delivery's."""
    found: dict[str, EventData] = {}
    for topic in (LEAD_CAPTURED, LEAD_ACTIVITY, LEAD_FOLLOWUP):
        for event in await process.events(topic):
            found[str(event.id)] = event.data
            if isinstance(event.data, LeadCaptured):
                found[str(event.data.delivery_id)] = event.data
    return found


def becomes(item: Item) -> str:
    """The result of an item. An item about an unknown lead is stored until the lead is known."""
    if item.fetch is not None:
        return "kept"
    return "published" if item.becomes == "lead" or "email" in item.document else "waiting"


@needs_samples
async def test_a_handshake_that_is_refused_is_answered_as_the_vendor_asks(edge: Process) -> None:
    (sample,) = (each for each in every_sample() if "else_status" in str(each.told))
    for part in ("meatyhamhock", "hub.verify_token", "hub.challenge"):
        forged = replace(sample.delivery, url=sample.delivery.url.replace(part, "another"))
        answer = await send(edge, sample, forged)
        assert answer.status_code == sample.told["response"]["else_status"], part


@needs_samples
async def test_a_published_delivery_is_refused_where_we_have_another_secret(edge: Process) -> None:
    for sample in every_sample():
        if is_ours(sample) and not is_greeting(sample):
            other = replace(sample, secret=another_secret(sample))
            answer = await send(edge, other, sample.delivery)
            assert answer.status_code == 401, (sample.name, answer.text)


def another_secret(sample: Sample) -> str:
    """A valid secret other than the sample's."""
    if sample.vendor != "gong":
        return "whsec_YW5vdGhlcg=="
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
