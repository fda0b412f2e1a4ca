"""Made-up leads: each asks for a demo and qualifies, so that each goes all the way to a rep."""

import json
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from baton import cloudevents, identity, kafka
from baton.cloudevents import Event, Message
from baton.events import EventData
from baton.policy.bundle import Bundle
from baton.settings import KafkaSettings
from baton.topics import Topic
from ingest.capture import events, origin
from ingest.capture.events import CE_SOURCE
from ingest.capture.receipt import Receipt
from ingest.capture.submissions import LeadIn
from ingest.policy.sources import sources_of

_COUNTRIES = ("DE", "US", "FR", "GB", "CA", "NL")
_INDUSTRIES = ("software", "logistics", "insurance")
_SIZES = (40, 250, 1500)
_TITLES = ("Head of Sales", "Marketing Manager", "CEO", "VP Operations", "Director of IT")

_UNACKNOWLEDGED = 10_000
"""Messages, at most: aiokafka sends what waits for all partitions in one request, and Kafka closes
the connection on one of more than 100 MB."""

SOURCE = "website"


def email(name: str, number: int) -> str:
    return f"person-{number}@{name}.example.com"


def key(name: str, number: int, bundle: Bundle, id_key: bytes) -> bytes:
    """The key that the lead's records have."""
    brand = sources_of(bundle)[SOURCE].brand
    lead_id = identity.lead_id(id_key, brand, *identity.email_identity(email(name, number)))
    return str(lead_id).encode()


def body(name: str, number: int) -> bytes:
    """An enquiry as `POST /v1/leads` takes it; another `name` makes other people."""
    document = {
        "source": SOURCE,
        "delivery_id": f"{name}-{number}",
        "contact": {
            "email": email(name, number),
            "phone": f"+49301{number:08}",
            "first_name": "Person",
            "last_name": f"Number {number}",
            "job_title": _TITLES[number % len(_TITLES)],
            "country": _COUNTRIES[number % len(_COUNTRIES)],
        },
        "company": {
            "name": f"Example {number}",
            "industry": _INDUSTRIES[number % len(_INDUSTRIES)],
            "employees": _SIZES[number % len(_SIZES)],
        },
        "campaign": {"utm_source": "newsletter", "utm_medium": "email", "utm_campaign": "spring"},
        "consent": {"status": "granted"},
        "request": {"form_id": "demo", "message": "We would like to see it."},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def fact(lead_id: UUID, type_: str, delivery_id: str) -> bytes:
    """What a lead did, or a rep with it, as `POST /v1/activities` and `/v1/followups` take it."""
    document = {
        "source": SOURCE,
        "delivery_id": delivery_id,
        "lead_id": str(lead_id),
        "type": type_,
    }
    return json.dumps(document, separators=(",", ":")).encode()


def captured(
    name: str, number: int, bundle: Bundle, id_key: bytes, known: UUID | None = None
) -> Message:
    """The same enquiry as intake would write it to `lead-captured` now.

    It is that of a `known` lead, or else of the person that it names.
    """
    text = body(name, number)
    given = LeadIn.model_validate_json(text)
    receipt = Receipt(text, datetime.now(UTC))
    source = sources_of(bundle)[given.source]
    person = origin.person_of(given, source.brand, source)
    lead_id = known or person.identified(id_key).lead_id
    event: Event[EventData] = Event(
        id=events.event_id(given, source, lead_id, receipt),
        source=CE_SOURCE,
        time=receipt.received_at,
        subject=str(lead_id),
        data=events.captured(given, source.brand, lead_id, bundle, receipt),
        policyversion=bundle.hash,
    )
    return cloudevents.encode(event)


async def write(settings: KafkaSettings, messages: Iterable[Message]) -> None:
    """Put messages on their topics; returns when Kafka has all of them."""
    producer: AIOKafkaProducer = kafka.producer(settings)
    await producer.start()
    try:
        for number, message in enumerate(messages, start=1):
            if number % _UNACKNOWLEDGED == 0:
                await producer.flush()
            await producer.send(
                settings.topic_prefix + message.topic,
                message.value,
                key=message.key,
                partition=identity.shard_of(message.key, settings.partitions),
                headers=list(message.headers),
            )
        await producer.flush()
    finally:
        await producer.stop()


async def read(settings: KafkaSettings, topic: Topic) -> AsyncIterator[Message]:
    """All that is on a topic now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await consumer.start()
    try:
        name = kafka.topic_name(settings, topic)
        places = [TopicPartition(name, number) for number in range(settings.partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                for record in records:
                    yield Message(topic.name, record.key, record.value, record.headers)
    finally:
        await consumer.stop()
