"""The services' APIs, as the commands use them: typed answers, a Failure for everything else."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from baton_cli.failures import Failure
from baton_cli.service import Service
from baton_cli.settings import ClientSettings, api_settings, api_token

Found = TypeVar("Found")

_TIMEOUT = httpx.Timeout(30, connect=5)
_DIRECTLY = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))
"""A proxy of the environment leads away from this machine."""

_UNAUTHORISED = 401
_REFUSED = 400
_FAULT = 500
_NO_SUCH_PATH = "Not Found"
"""The detail of a 404 for an unknown path; a 404 for a missing thing says more."""


class Refused(Failure):
    """The service's own answer that it can't do it; `reason` is its own words, `status` HTTP's."""

    def __init__(self, service: Service, reason: str, status: int) -> None:
        super().__init__(f"{service} refuses: {reason}")
        self.reason = reason
        self.status = status


class Away(Failure):
    """The service does not answer, or another program answers; `reason` says which, in short."""

    def __init__(self, message: str, way_out: str, reason: str) -> None:
        super().__init__(message, way_out)
        self.reason = reason


class Another(Away):
    """Another program answers at this address, so a retry does not help."""


class ProblemText(BaseModel):
    """RFC 9457."""

    title: str
    detail: str
    field: str | None = None

    def __str__(self) -> str:
        return f"{self.field}: {self.detail}" if self.field else self.detail


class Api:
    """One service's API."""

    def __init__(
        self, service: Service, settings: ClientSettings, client: httpx.AsyncClient
    ) -> None:
        self.service = service
        self._settings = settings
        self.url = settings.url(service)
        self._client = client

    async def get(
        self, path: str, expected: TypeAdapter[Found], params: Mapping[str, str] | None = None
    ) -> Found:
        """The service's answer. Raises Refused, Away, and Failure if the token is refused."""
        return self._read(await self._ask("GET", path, params=params), expected)

    async def post(
        self, path: str, expected: TypeAdapter[Found], body: JsonValue | bytes = None
    ) -> Found:
        """As `get`. Bytes are sent as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._read(await self._ask("POST", path, content=content), expected)

    async def post_lines(
        self, path: str, lines: Sequence[bytes], expected: TypeAdapter[Found]
    ) -> AsyncIterator[Found | None]:
        """Sends NDJSON; each line of the answer as it comes, None for a mere sign of life.

        Raises as `get` does, midway too.
        """
        content = b"".join(line + b"\n" for line in lines)
        headers = {**self._headers(), "Content-Type": "application/x-ndjson"}
        try:
            async with self._client.stream(
                "POST", self.url + path, content=content, headers=headers
            ) as answer:
                if answer.status_code >= _REFUSED:
                    await answer.aread()
                    self._read(self._accepted(answer), expected)
                unfinished = b""
                async for piece in answer.aiter_raw():
                    *complete_lines, unfinished = (unfinished + piece).split(b"\n")
                    for line in complete_lines:
                        yield self._read_line(line, answer, expected) if line else None
        except httpx.RequestError as error:
            raise self._away(error) from error

    async def open_get(self, path: str) -> httpx.Response:
        """For what needs no token; the status is the caller's to judge. Raises Away."""
        try:
            return await self._client.get(self.url + path)
        except httpx.RequestError as error:
            raise self._away(error) from error

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        headers = {**self._headers(), "Content-Type": "application/json"}
        try:
            answer = await self._client.request(
                method, self.url + path, params=params, content=content, headers=headers
            )
        except httpx.RequestError as error:
            raise self._away(error) from error
        return self._accepted(answer)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {api_token(self._settings)}"}

    def _accepted(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code == _UNAUTHORISED:
            raise Failure(
                f"{self.service} at {self.url} does not accept the token",
                "BATON_API_TOKEN must be the one that the services were started with.",
            )
        return answer

    def _read(self, answer: httpx.Response, expected: TypeAdapter[Found]) -> Found:
        try:
            if answer.status_code >= _REFUSED:
                problem = ProblemText.model_validate_json(answer.content)
                if problem.detail == _NO_SUCH_PATH:
                    raise self._another(answer)
                raise Refused(self.service, str(problem), answer.status_code)
            return expected.validate_json(answer.content)
        except ValidationError as error:
            raise self._another(answer) from error

    def _read_line(
        self, line: bytes, answer: httpx.Response, expected: TypeAdapter[Found]
    ) -> Found:
        try:
            return expected.validate_json(line)
        except ValidationError as error:
            raise self._another(answer) from error

    def _another(self, answer: httpx.Response) -> Away:
        # A proxy before a service that is away answers in its own words.
        kind = Away if answer.status_code >= _FAULT else Another
        return kind(
            f"what answers at {self.url} ({answer.status_code} for {answer.url.path}) "
            f"is not {self.service} of this release",
            f"{self.service.variable} says where {self.service} is.",
            "what answers there is not this service",
        )

    def _away(self, error: httpx.RequestError) -> Away:
        reason = str(error) or type(error).__name__
        return Away(
            f"{self.service} can't be reached at {self.url}: {reason}",
            f"Is it running? {self.service.variable} says where it is; "
            "`baton status` asks all services.",
            reason,
        )


@asynccontextmanager
async def open_apis() -> AsyncIterator[Mapping[Service, Api]]:
    """The APIs of all services, for the time of the block."""
    settings = api_settings()
    async with httpx.AsyncClient(timeout=_TIMEOUT, mounts=_DIRECTLY) as client:
        yield {service: Api(service, settings, client) for service in Service}
