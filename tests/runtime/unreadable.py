"""Records that the Kafka client can't take apart, as another client may write them."""

from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from baton.cloudevents import Message

_SIZE = 1_000_000


class _NotUtf8(str):
    """A header's name whose bytes are no text."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


NOT_UTF8 = _NotUtf8("x")


async def put_batch(bootstrap: str, topic: str, messages: Sequence[Message]) -> None:
    """Write records in one batch; a header's name may be `NOT_UTF8`."""
    # An idempotent producer takes only the usual builder, which takes no such name.
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(
            magic=2,
            compression_type=0,
            is_transactional=0,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=0,
            batch_size=_SIZE,
        )
        for message in messages:
            headers = list(message.headers)
            appended = batch.append(
                timestamp=None, key=message.key, value=message.value, headers=headers
            )
            assert appended is not None
        await (await producer.send_batch(batch, topic, partition=0))
    finally:
        await producer.stop()
