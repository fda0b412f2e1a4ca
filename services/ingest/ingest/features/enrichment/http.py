"""The vendor's API, asked by HTTP at the address that the bundle has for it."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import quote

import httpx
from pydantic import JsonValue

from baton.values import fits_header
from ingest import documents
from ingest.errors import RejectedError
from ingest.features.enrichment.fetcher import VendorNotReadyError
from ingest.policy.source import SignedSource
from ingest.senders.kit.items import Fetch

_LARGEST = 1_048_576
_LONGEST_WAIT = timedelta(hours=1)
_OK = 200
_SERVER_ERROR = 500
_LATER = frozenset({401, 403, 404, 408, 425, 429})
"""A token may be mended, a record be known a little later, a limit be over."""


class HttpFetcher:
    """`environment` holds the vendors' tokens, by the names that the bundle has for them."""

    def __init__(
        self, client: httpx.AsyncClient, environment: Mapping[str, str], patience: timedelta
    ) -> None:
        """`patience`: for a whole answer."""
        self._client = client
        self._environment = environment
        self._patience = patience.total_seconds()

    async def details(self, source: SignedSource, fetch: Fetch) -> JsonValue:
        """As `Fetcher` has it. Redirects are not followed: the token is for this address alone."""
        where = source.details
        if where is None:
            raise RejectedError("the bundle does not say where its details are: `details`")
        headers = dict(where.headers)
        if not all(map(fits_header, (*headers, *headers.values()))):
            raise VendorNotReadyError(
                "`headers` under `details` has a character that no header can have"
            )
        if where.token_env is not None:
            token = self._environment.get(where.token_env, "")
            if not token:
                raise VendorNotReadyError(f"set {where.token_env} in the environment of ingest")
            if not fits_header(token):
                raise VendorNotReadyError(
                    f"{where.token_env} in the environment of ingest has a character that no "
                    "header can have: set it again, as the vendor shows it"
                )
            headers["Authorization"] = f"Bearer {token}"
        url = where.url.replace("{id}", quote(fetch.id, safe=""))
        return _document(*await self._get(url, headers))

    async def _get(self, url: str, headers: Mapping[str, str]) -> tuple[httpx.Response, bytes]:
        try:
            async with (
                asyncio.timeout(self._patience),
                self._client.stream("GET", url, headers=dict(headers)) as answer,
            ):
                body = b""
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > _LARGEST:
                        break
        except TimeoutError as error:
            raise VendorNotReadyError("the vendor did not answer in time") from error
        except Exception as error:
            # Not all of them are httpx's own: a host's name that is none, a port beyond the last.
            # The message may have the address, and with it whatever a bundle has put there.
            raise VendorNotReadyError(
                f"the vendor can't be reached: {type(error).__name__}"
            ) from error
        if len(body) > _LARGEST:
            raise RejectedError(f"the vendor's answer has more than {_LARGEST} bytes")
        return answer, body


def _document(answer: httpx.Response, body: bytes) -> JsonValue:
    status = answer.status_code
    if status in _LATER or status >= _SERVER_ERROR:
        raise VendorNotReadyError(f"the vendor answered {status}", _retry_after(answer))
    if status != _OK:
        raise RejectedError(f"the vendor answered {status}")
    try:
        return documents.read(body)
    except RejectedError as error:
        raise RejectedError(f"the vendor's answer is no JSON that can be used: {error}") from error


def _retry_after(answer: httpx.Response) -> timedelta:
    """Seconds, where the vendor says them; it may also say a date, which is not worth the care."""
    text = answer.headers.get("retry-after", "")
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0  # noqa: PLR2004 - days
    return min(timedelta(seconds=seconds), _LONGEST_WAIT)
