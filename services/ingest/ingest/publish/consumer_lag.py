"""How far the groups that read Baton's topics have come, as Kafka has it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from baton import kafka
from baton.settings import KafkaSettings
from baton.times import Times
from ingest.publish.bulk_backpressure import Standing


class Consumers:
    """Asks Kafka; open as long as it is asked."""

    def __init__(
        self, groups: Sequence[str], admin: AIOKafkaAdminClient, reader: AIOKafkaConsumer
    ) -> None:
        self._groups = groups
        self._admin = admin
        self._reader = reader
        self._coordinators: dict[str, int] = {}

    async def stand(self) -> Mapping[str, Standing]:
        """Each group by its name; one that has never read anything is left out.

        Only what a group has noted counts: a partition without a note is none that it reads. Raises
        an error of Kafka's.
        """
        positions = {group: await self._positions(group) for group in self._groups}
        places = {place for offsets in positions.values() for place in offsets}
        ends = await self._reader.end_offsets(list(places)) if places else {}
        return {
            group: Standing(
                read=sum(offsets.values()),
                waiting=sum(max(0, ends[place] - at) for place, at in offsets.items()),
            )
            for group, offsets in positions.items()
            if offsets
        }

    async def _positions(self, group: str) -> Mapping[TopicPartition, int]:
        if group not in self._coordinators:
            self._coordinators[group] = await self._admin.find_coordinator(group)
        offsets = await self._admin.list_consumer_group_offsets(group, self._coordinators[group])
        return {
            place: position.offset for place, position in offsets.items() if position.offset >= 0
        }


@asynccontextmanager
async def consumers(
    settings: KafkaSettings, groups: Sequence[str], times: Times
) -> AsyncIterator[Consumers]:
    """Connected to Kafka for the time of the block. Raises an error of Kafka's."""
    admin, reader = kafka.admin_client(settings), kafka.reader(settings, times)
    try:
        async with kafka.time_limit(times.spool_switch * 10):
            await admin.start()
            await reader.start()
        yield Consumers([settings.topic_prefix + group for group in groups], admin, reader)
    finally:
        await kafka.stop_client(reader, times.session)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(times.session.total_seconds()):
                await admin.close()
