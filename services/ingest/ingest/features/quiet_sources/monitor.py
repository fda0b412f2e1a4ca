"""Sources are listened to, and one that goes quiet is told of, once, until it is heard again."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from baton import identity
from baton.cloudevents import Event
from baton.events import OperationsEvent, SourceQuiet, SourceResumed
from baton.logs import logger
from baton.policy.bundle import Bundle
from ingest.capture.events import CE_SOURCE
from ingest.deadline import DATABASE_AWAY
from ingest.errors import IntakeError
from ingest.features.quiet_sources.arrivals import ArrivalLog
from ingest.features.quiet_sources.rhythm import LEARNT_FROM, SHORTEST, Rhythm, learnt
from ingest.features.quiet_sources.store import Arrivals, Quiet
from ingest.metrics import IngestMetrics
from ingest.policy.sources import sources_of
from ingest.publish.publisher import Publisher

_BETWEEN_LOOKS = timedelta(minutes=1)
_LONGEST_BREAK = 5 * _BETWEEN_LOOKS
_LEARNT_FOR = timedelta(hours=1)
_LOG = logger(__name__)


@dataclass(frozen=True, slots=True)
class _Learnt:
    rhythm: Rhythm | None
    at: datetime


class Listening:
    """Of several processes each writes down what it hears, and one at a time judges."""

    def __init__(
        self,
        hearing: ArrivalLog,
        arrivals: Arrivals,
        publisher: Publisher,
        in_force: Callable[[datetime], Bundle | None],
        clock: Callable[[], datetime],
        metrics: IngestMetrics,
    ) -> None:
        self._hearing = hearing
        self._arrivals = arrivals
        self._publisher = publisher
        self._in_force = in_force
        self._clock = clock
        self._metrics = metrics
        self._rhythms: dict[str, _Learnt] = {}

    async def run(self) -> None:
        """Once a minute; until cancelled."""
        while True:
            try:
                await self.look()
            except DATABASE_AWAY as error:
                _LOG.warning("arrivals can't be written to the database", why=type(error).__name__)
            except IntakeError as error:
                _LOG.warning(
                    "the event about a quiet source can't be published", why=type(error).__name__
                )
            await asyncio.sleep(_BETWEEN_LOOKS.total_seconds())

    async def look(self) -> None:
        """Write down what was heard, judge each source of the bundle in force, and show it.

        Raises one of DATABASE_AWAY or IntakeError: then it is done at the next look.
        """
        await self._write_down()
        now = self._clock()
        bundle = self._in_force(now)
        if bundle is None:
            return
        await self._arrivals.delete_before(now - LEARNT_FROM)
        async with self._arrivals.alone() as db:
            if db is not None:
                await self._judge(db, sources_of(bundle), now)
        await self._show(sources_of(bundle), now)

    async def _write_down(self) -> None:
        arrivals = self._hearing.take_all()
        try:
            if arrivals:
                await self._arrivals.add(arrivals)
        except BaseException:
            self._hearing.put_back(arrivals)
            raise

    async def _judge(self, db: asyncpg.Connection, declared: Iterable[str], now: datetime) -> None:
        # A silence of which we can't know, since nobody listened, is none of the source's.
        listening = await self._arrivals.listening_since(db, now, _LONGEST_BREAK)
        last_arrivals = await self._arrivals.last_heard()
        quiet = {quiet_source.source: quiet_source for quiet_source in await self._arrivals.quiet()}
        for source in quiet.keys() - set(declared):
            await self._arrivals.is_no_longer_quiet(db, source)
        for source in declared:
            last = last_arrivals.get(source)
            if last is None:
                continue
            if (report := quiet.get(source)) is not None:
                if last > report.last_seen_at:
                    await self._tell_that_it_is_back(db, report, last)
            elif (usual := await self._unusual(source, max(last, listening), now)) is not None:
                await self._tell_that_it_is_quiet(db, Quiet(source, last), usual, now)

    async def _unusual(self, source: str, since: datetime, now: datetime) -> timedelta | None:
        """The silence that would be usual now, where the source's is not."""
        if now - since < SHORTEST:
            return None
        known = self._rhythms.get(source)
        if known is None or now - known.at > _LEARNT_FOR:
            known = _Learnt(learnt(await self._arrivals.hours(source, now)), now)
            self._rhythms[source] = known
        rhythm = known.rhythm
        if rhythm is None or not rhythm.is_unusual(now - since, now):
            return None
        return rhythm.usual_at(now)

    async def _tell_that_it_is_quiet(
        self, db: asyncpg.Connection, quiet: Quiet, usual: timedelta, now: datetime
    ) -> None:
        data = SourceQuiet(
            subject=quiet.source,
            service="ingest",
            occurred_at=now,
            last_seen_at=quiet.last_seen_at,
            usual_seconds=int(usual.total_seconds()),
        )
        _LOG.warning("a source has gone quiet", source=quiet.source)
        await self._tell(data, quiet)
        await self._arrivals.has_gone_quiet(db, quiet)

    async def _tell_that_it_is_back(
        self, db: asyncpg.Connection, quiet: Quiet, last: datetime
    ) -> None:
        data = SourceResumed(
            subject=quiet.source,
            service="ingest",
            occurred_at=last,
            quiet_since=quiet.last_seen_at,
        )
        _LOG.info("a quiet source sends again", source=quiet.source)
        await self._tell(data, quiet)
        await self._arrivals.is_no_longer_quiet(db, quiet.source)

    async def _tell(self, data: OperationsEvent, quiet: Quiet) -> None:
        """By the same id each time, should noting that it was told fail."""
        silence = identity.named_id("silence", quiet.source, quiet.last_seen_at.isoformat())
        await self._publisher.publish(
            Event(
                id=identity.following_id(silence, quiet.last_seen_at, data.event_type, 0),
                source=CE_SOURCE,
                time=data.occurred_at,
                subject=data.subject,
                data=data,
            )
        )

    async def _show(self, declared: Mapping[str, object], now: datetime) -> None:
        quiet = {quiet_source.source for quiet_source in await self._arrivals.quiet()}
        for source, last in (await self._arrivals.last_heard()).items():
            if source in declared:
                silence = (now - last).total_seconds()
                self._metrics.source_silence.labels(source).set(silence)
                self._metrics.source_quiet.labels(source).set(source in quiet)
