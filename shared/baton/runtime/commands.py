"""Commands from the API to a subject's shard, which another process may own: writes the command and
waits for its answer.
"""

import asyncio
import contextlib
import json
from uuid import UUID, uuid4

import asyncpg
from pydantic import JsonValue

from baton import identity
from baton.database import DATABASE_ERRORS, connection
from baton.logs import logger
from baton.runtime import command_rows
from baton.runtime.decisions import Answer, Ask
from baton.runtime.effects import AskedCommand
from baton.settings import ServiceSettings
from baton.subjects import Subject
from baton.tracing import current_traceparent

_LOG = logger(__name__)


class Commands:
    """Writes commands, wakes their owners, and waits for the answers."""

    def __init__(
        self, schema: str, settings: ServiceSettings, pool: asyncpg.Pool, wake: asyncio.Event
    ) -> None:
        self._schema = schema
        self._settings = settings
        self._pool = pool
        self._wake = wake
        # Set at the next news of answers, and then another.
        self._news = asyncio.Event()

    async def ask(
        self,
        subject: Subject,
        kind: str,
        body: JsonValue,
        *,
        shard: int | None = None,
        version: int = 1,
    ) -> Answer | None:
        """Have the subject's shard decide on a command; None where it has not done so in time.

        The command is kept, and takes effect once, whenever its shard comes to it. `version` is the
        first version of the service that knows this command.
        """
        number = subject.shard(self._settings.partitions) if shard is None else shard
        async with connection(self._pool) as db:
            made_at = await db.fetchval("SELECT clock_timestamp()")
            command_id = identity.following_id(uuid4(), made_at, kind, 0)
            command = AskedCommand(
                command_id,
                number,
                Ask(subject, kind, body, version),
                made_at,
                current_traceparent(),
            )
            await command_rows.ask(db, self._schema, [command])
        return await self._wait(command_id)

    async def listen(self) -> None:
        """Hear of commands and answers, until cancelled; a lost connection is made again."""
        while True:
            try:
                async with connection(self._pool) as db:
                    await self._listen(db)
            except DATABASE_ERRORS as error:
                _LOG.warning(
                    "notifications of PostgreSQL are off; commands are polled",
                    error=type(error).__name__,
                )
            await asyncio.sleep(self._settings.times.look.total_seconds())

    async def _listen(self, db: asyncpg.Connection) -> None:
        lost = asyncio.Event()
        db.add_termination_listener(lambda _: lost.set())
        listeners = (
            (f"{self._schema}_command", lambda *_: self._wake.set()),
            (f"{self._schema}_answer", self._on_answer),
        )
        for channel, listener in listeners:
            await db.add_listener(channel, listener)
        try:
            await lost.wait()
        finally:
            # What the connection raises must not take the place of a cancellation.
            with contextlib.suppress(*DATABASE_ERRORS):
                for channel, listener in listeners:
                    await db.remove_listener(channel, listener)

    def _on_answer(self, *_: object) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _wait(self, command_id: UUID) -> Answer | None:
        look = self._settings.times.look.total_seconds()
        try:
            async with asyncio.timeout(self._settings.times.command_wait.total_seconds()):
                while True:
                    news = self._news  # before the look, so that none comes unseen
                    answer = await self._answer(command_id)
                    if answer is not None:
                        return answer
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(look):
                            await news.wait()
        except TimeoutError:
            return None

    async def _answer(self, command_id: UUID) -> Answer | None:
        """The answer to a command; None while it is not decided."""
        found = await self._pool.fetchval(
            "SELECT body FROM answer WHERE command_id = $1", command_id
        )
        if found is None:
            return None
        body = json.loads(found)
        return Answer(body["outcome"], body["body"])
