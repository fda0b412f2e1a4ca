"""Which bundle is in force: read from the `policy` topic, kept in the database of each service."""

import asyncio
import contextlib
import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from baton import cloudevents, kafka, topics
from baton.database import DATABASE_ERRORS, connection
from baton.events import BundlePublished, EventData, PolicyActivated
from baton.kafka import reader, stop_client, topic_name
from baton.logs import logger
from baton.policy.bundle import Bundle
from baton.policy.problems import BundleError
from baton.policy.section import Section
from baton.runtime.activations import Activation, at, parse_activations
from baton.runtime.errors import PolicyMissingError
from baton.runtime.status import Status
from baton.settings import ServiceSettings

_PART = "policy"
_WAIT = timedelta(seconds=5)
_LOG = logger(__name__)


class Policies:
    """The bundles that this process can read, and the activations that it knows. `feed` keeps them
    up to date. `in_force` is for services that decide without a transaction (ingest). The runner
    reads the activations with its fence and asks for the bundle by its hash.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        status: Status,
        sections: Sequence[Section[Any]],
        degraded: Status | None = None,
    ) -> None:
        """`sections`: what the process reads of each bundle.

        `degraded`: readiness of a process that goes on with the last bundle that it can read, where
        the newest can't be read (ingest).
        """
        self._settings = settings
        self._sections = tuple(sections)
        self._status = status
        self._degraded = degraded
        self._bundles: dict[str, Bundle] = {}
        self._unreadable: dict[str, str] = {}
        # Bundles that the database has, or that were waited for in vain.
        self._settled: set[str] = set()
        self._activations: tuple[Activation, ...] = ()
        self.changed = asyncio.Event()
        self.read = asyncio.Event()
        """Set once the topic, or what the database has kept of it, has been read."""
        status.not_ready(_PART, self.missing)

    @property
    def missing(self) -> str:
        """Why there is nothing to decide by, where there is nothing."""
        if self.read.is_set():
            return "no policy bundle is in force yet: run `baton policy activate`"
        return (
            "the policy is not known yet, by Kafka or PostgreSQL: `baton policy active` asks Kafka"
        )

    def in_force(self, now: datetime) -> Bundle | None:
        """The bundle in force, as far as this process has heard; None where it has none.

        Where this release can't read the newest, it is the last one in force that it can read: for
        intake, which must not turn leads away.
        """
        readable = [a for a in self._activations if a.hash in self._bundles]
        activation = at(readable, now)
        return None if activation is None else self._bundles[activation.hash]

    @property
    def activations(self) -> Sequence[Activation]:
        """The activations that this process knows, in order of effect."""
        return self._activations

    async def bundle(
        self, db: asyncpg.Connection, activations: Sequence[Activation], now: datetime
    ) -> Bundle:
        """The bundle in force at `now` by these activations.

        Another process may have heard of it first: then the database has it. Raises
        PolicyMissingError where there is none, or none that this release can read.
        """
        hash_ = self.activation(activations, now).hash
        if hash_ not in self._bundles and hash_ not in self._unreadable:
            files = await db.fetchval("SELECT files FROM policy_bundle WHERE hash = $1", hash_)
            if files is not None:
                self._read(hash_, json.loads(files))
        return self._usable(hash_)

    def activation(self, activations: Sequence[Activation], now: datetime) -> Activation:
        """The activation of these that is in force at `now`. Raises PolicyMissingError."""
        activation = at(activations, now)
        if activation is None and self._settings.clock == "events":
            # History from before the first activation: it is replayed under the first.
            activation = next(iter(activations), None)
        if activation is None:
            raise PolicyMissingError(self.missing)
        return activation

    def _usable(self, hash_: str) -> Bundle:
        bundle = self._bundles.get(hash_)
        if bundle is None:
            reason = self._unreadable.get(hash_, "it has not been read yet")
            msg = f"the bundle in force, {hash_[:12]}, can't be used: {reason}"
            raise PolicyMissingError(msg)
        return bundle

    async def _restore(self, pool: asyncpg.Pool) -> None:
        for row in await pool.fetch("SELECT hash, files FROM policy_bundle"):
            self._read(row["hash"], json.loads(row["files"]))
            self._settled.add(row["hash"])
        activations = await _stored_activations(pool) or ()
        self._note_activations(_together(self._activations, activations))
        if activations:
            self.read.set()

    async def wait_for(self, hashes: Collection[str], within: timedelta) -> None:
        """Wait until this service has these bundles, which others have already decided by.

        Without them it goes on after a time: a topic that has lost one must not stop it for good.
        """
        if self._settled.issuperset(hashes):
            return
        try:
            async with asyncio.timeout(within.total_seconds()):
                while not self._settled.issuperset(hashes):
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            _LOG.error(
                "events name policy bundles that this service does not have", bundles=sorted(hashes)
            )
            self._settled.update(hashes)

    async def feed(self, pool: asyncpg.Pool) -> None:
        """Read the topic from its beginning and go on reading, until cancelled.

        A bundle can be used as soon as it is read, also while the database is away. It is stored
        there too.
        """
        while True:
            consumer = reader(self._settings, self._settings.times)
            try:
                with contextlib.suppress(*DATABASE_ERRORS):
                    await self._restore(pool)
                await consumer.start()
                await self._follow(consumer, pool)
            except (KafkaError, *DATABASE_ERRORS) as error:
                _LOG.warning("the policy topic is read again", error=type(error).__name__)
                await asyncio.sleep(self._settings.times.circuit.total_seconds())
            finally:
                await stop_client(consumer, self._settings.times.session)

    async def _follow(self, consumer: AIOKafkaConsumer, pool: asyncpg.Pool) -> None:
        partition = TopicPartition(topic_name(self._settings, topics.POLICY), 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        bundles: list[BundlePublished] = []
        activations: list[Activation] = []
        while True:
            if not self.read.is_set() and await consumer.position(partition) >= end:
                self.read.set()
                self._note_activations(self._activations)
            records, unreadable = await kafka.next_records(consumer, partition, _WAIT)
            if unreadable is not None:
                why = "the Kafka client can't take it apart"
                _LOG.error("a policy record can't be read", offset=unreadable, error=why)
            for record in records:
                data = _decoded(record)
                if isinstance(data, BundlePublished):
                    bundles.append(data)
                    self._read(data.hash, data.files)
                elif isinstance(data, PolicyActivated):
                    activations.append(_activation(data, record.offset))
            self._note_activations(_together(self._activations, activations))
            # Once all is read: where the database is away, this ends the reading.
            if not records or await consumer.position(partition) >= end:
                await self._keep(pool, bundles, activations)
                bundles, activations = [], []

    async def _keep(
        self,
        pool: asyncpg.Pool,
        bundles: Sequence[BundlePublished],
        activations: Sequence[Activation],
    ) -> None:
        if bundles:
            await pool.executemany(
                "INSERT INTO policy_bundle (hash, files) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                [(data.hash, json.dumps(data.files)) for data in bundles],
            )
            self._settled.update(data.hash for data in bundles)
            self.changed.set()
        if not activations:
            return
        async with connection(pool) as db:
            stored = await _stored_activations(db)
            if stored is not None and _together(stored, activations) != stored:
                await _put_in_force(db, activations)

    def _read(self, hash_: str, files: dict[str, str]) -> None:
        if hash_ in self._bundles:
            return
        try:
            self._bundles[hash_] = Bundle.parse(files, self._sections)
        except BundleError as error:
            self._can_not_read(hash_, str(error))
        except Exception as error:  # noqa: BLE001 - no record and no row may end the process
            self._can_not_read(hash_, f"a fault of this release: {_kind(error)}")
        self.changed.set()

    def _can_not_read(self, hash_: str, why: str) -> None:
        self._unreadable[hash_] = why
        _LOG.error("a policy bundle can't be read", bundle=hash_, error=why)

    def _note_activations(self, activations: tuple[Activation, ...]) -> None:
        self._activations = activations
        self._say(datetime.now(UTC))
        self.changed.set()

    def _say(self, now: datetime) -> None:
        """Say whether there is something to decide by, and if not, why."""
        for status in (self._status, self._degraded):
            if status is not None:
                status.ready(_PART)
        try:
            self._usable(self.activation(self._activations, now).hash)
        except PolicyMissingError as error:
            nothing = self.in_force(now) is None
            status = self._status if self._degraded is None or nothing else self._degraded
            status.not_ready(_PART, str(error))


async def _stored_activations(
    db: asyncpg.Connection | asyncpg.Pool,
) -> tuple[Activation, ...] | None:
    """The activations in the database; None where they are not as this release writes them."""
    text = await db.fetchval("SELECT activations FROM policy_in_force")
    try:
        return parse_activations(text)
    except (KeyError, TypeError, ValueError) as error:
        _LOG.error("the activations in the database can't be read", error=_kind(error))
        return None


async def _put_in_force(db: asyncpg.Connection, activations: Sequence[Activation]) -> None:
    """Add activations to the row that every batch holds FOR SHARE.

    Batches of several processes follow each other without a gap, and one that holds a row lets the
    next one share it before whoever waits to change it. Locks of a table are given in the order in
    which they were asked for: so the table's comes first, and the batches that come later wait.
    """
    async with db.transaction():
        await db.execute("LOCK TABLE policy_in_force IN EXCLUSIVE MODE")
        stored = await _stored_activations(db)
        if stored is None:
            return
        together = _together(stored, activations)
        await db.execute(
            """
            INSERT INTO policy_in_force (activations) VALUES ($1)
            ON CONFLICT (one) DO UPDATE SET activations = excluded.activations
            """,
            json.dumps([activation.to_json() for activation in together]),
        )


def _together(stored: tuple[Activation, ...], new: Sequence[Activation]) -> tuple[Activation, ...]:
    known = {activation.activation_id for activation in stored}
    added = [activation for activation in new if activation.activation_id not in known]
    return tuple(sorted((*stored, *added), key=lambda a: (a.effective_at, a.offset)))


def _activation(data: PolicyActivated, offset: int) -> Activation:
    return Activation(
        activation_id=data.activation_id,
        hash=data.hash,
        effective_at=data.effective_at,
        activated_at=data.activated_at,
        by=data.by,
        why=data.why,
        offset=offset,
    )


def _decoded(record: ConsumerRecord[bytes, bytes]) -> EventData | None:
    try:
        return cloudevents.decode(record.key, record.value, record.headers).data
    except (cloudevents.NotDecodableError, cloudevents.UnknownTypeError) as error:
        # Whoever may write to this topic decides for all; what they wrote is no bundle to follow.
        why = str(error)
    except Exception as error:  # noqa: BLE001 - no record may end the process
        why = _kind(error)
    _LOG.error("a policy record can't be read", offset=record.offset, error=why)
    return None


def _kind(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
