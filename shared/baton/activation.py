"""Putting a policy bundle in force: its text and the activation go to the `policy` topic."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from aiokafka import ConsumerRecord, TopicPartition

from baton import cloudevents, identity, kafka, topics
from baton.cloudevents import Event
from baton.events import BundlePublished, EventData, PolicyActivated
from baton.policy.bundle import Bundle
from baton.settings import KafkaSettings
from baton.times import Times

_SOURCE = "/baton/policy"
_WAIT = timedelta(seconds=1)


async def activate(
    settings: KafkaSettings, bundle: Bundle, at: datetime | None, by: str, why: str
) -> PolicyActivated:
    """Publish a bundle and that it is in force from `at` on (now, if None).

    Decisions follow it as soon as a service has read this. Going back is the same act, with an
    earlier bundle.
    """
    now = datetime.now(UTC)
    activation = PolicyActivated(
        activation_id=identity.following_id(uuid4(), now, PolicyActivated.event_type, 0),
        hash=bundle.hash,
        effective_at=at or now,
        activated_at=now,
        by=by,
        why=why,
    )
    published = BundlePublished(hash=bundle.hash, files=dict(bundle.files))
    bundle_event = Event(
        id=identity.named_id("bundle", bundle.hash),
        source=_SOURCE,
        time=now,
        subject=bundle.hash,
        data=published,
    )
    activation_event = Event(
        id=activation.activation_id,
        source=_SOURCE,
        time=now,
        subject=str(activation.activation_id),
        data=activation,
    )
    producer = kafka.producer(settings)
    await producer.start()
    try:
        for event in (bundle_event, activation_event):
            message = cloudevents.encode(event)
            await producer.send_and_wait(
                kafka.topic_name(settings, topics.POLICY),
                value=message.value,
                key=message.key,
                headers=list(message.headers),
                partition=0,
            )
    finally:
        await producer.stop()
    return activation


async def history(
    settings: KafkaSettings,
) -> tuple[Sequence[PolicyActivated], Mapping[str, BundlePublished]]:
    """Every activation in order of effect, and the bundles by their hash, as the topic has them.

    The bundles are not parsed, so a bundle that this release cannot read does not hide the others.
    Records of another form are skipped, as in the services.
    """
    consumer = kafka.reader(settings, Times())
    await consumer.start()
    found: dict[UUID, tuple[PolicyActivated, int]] = {}
    bundles: dict[str, BundlePublished] = {}
    try:
        place = TopicPartition(kafka.topic_name(settings, topics.POLICY), 0)
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        while await consumer.position(place) < end:
            records, _ = await kafka.next_records(consumer, place, _WAIT)
            for record in records:
                data = _decoded(record)
                if isinstance(data, PolicyActivated):
                    found[data.activation_id] = (data, record.offset)
                elif isinstance(data, BundlePublished):
                    bundles[data.hash] = data
    finally:
        await consumer.stop()
    ordered = sorted(found.values(), key=lambda entry: (entry[0].effective_at, entry[1]))
    return [activation for activation, _ in ordered], bundles


def _decoded(record: ConsumerRecord[bytes, bytes]) -> EventData | None:
    try:
        return cloudevents.decode(record.key, record.value, record.headers).data
    except (cloudevents.NotDecodableError, cloudevents.UnknownTypeError):
        return None
