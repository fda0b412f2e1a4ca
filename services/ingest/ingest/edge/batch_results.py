"""The results of a batch on their way to its client."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import IO

from pydantic import JsonValue

_IN_MEMORY = 1_048_576
_STEP = 65_536
_JSON = json.JSONEncoder(separators=(",", ":"))


class Results:
    """Results as NDJSON, in the order in which they are added, with an empty line while there is
    none. Results that the client has not read yet are stored in a file. Many clients send
    everything before they read; without the file, client and server would wait for each other.
    """

    def __init__(self, sign_of_life: float = 5) -> None:
        """`sign_of_life`: the seconds after which an empty line is sent."""
        self._sign_of_life = sign_of_life
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - outlives this
            max_size=_IN_MEMORY
        )
        self._written = self._read = 0
        self._more = asyncio.Event()
        self._ended = False

    def add(self, results: Iterable[Mapping[str, JsonValue]]) -> None:
        text = "".join(f"{_JSON.encode(result)}\n" for result in results)
        self._file.seek(self._written)
        self._written += self._file.write(text.encode())
        self._more.set()

    def end(self) -> None:
        """No more will come."""
        self._ended = True
        self._more.set()

    async def steps(self) -> AsyncIterator[bytes]:
        """All of them, once, as they come."""
        with self._file:
            while True:
                while self._read < self._written:
                    self._file.seek(self._read)
                    step = self._file.read(_STEP)
                    self._read += len(step)
                    yield step
                if self._ended:
                    return
                self._file.truncate(0)
                self._written = self._read = 0
                self._more.clear()
                while not await self._result_came():
                    yield b"\n"

    async def _result_came(self) -> bool:
        """Whether there is more to be told; false after a while without."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._sign_of_life):
                await self._more.wait()
        return self._more.is_set()
