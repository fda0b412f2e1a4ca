"""Places in a delivery: of signatures, secrets and times, and of the parts that are signed."""

import base64
import binascii
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from ingest import documents
from ingest.errors import RejectedError
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.payloads import Path, at, without

_MOST_PARAMETERS = 1_000


class NotAuthenticError(Exception):
    """The delivery is not authentic. The message has no secret and may be sent to the caller."""


class ForbiddenError(NotAuthenticError):
    """A handshake is not authentic, and its vendor expects 403 instead of 401."""


class Place(ABC):
    """A place of a text in a delivery. Its `str` describes the place in messages to people."""

    @abstractmethod
    def texts(self, delivery: Delivery) -> Sequence[str]:
        """All texts at this place, or none. It never raises, whatever the delivery contains."""

    def struck_from(self, body: bytes) -> bytes:
        """The body without the text at this place; unchanged if the place is not in the body."""
        return body

    def __call__(self, delivery: Delivery) -> bytes:
        """The first text here, as signed bytes. Raises NotAuthenticError if there is none."""
        found = self.texts(delivery)
        if not found:
            raise NotAuthenticError(f"the request has no {self}")
        # The server decodes header values as Latin-1, so encoding restores the bytes of the sender.
        return found[0].encode("latin-1", "replace")


@dataclass(frozen=True, slots=True)
class Header(Place):
    """The value of a header."""

    name: str

    def texts(self, delivery: Delivery) -> Sequence[str]:
        return [delivery.headers[self.name]] if self.name in delivery.headers else []

    def __str__(self) -> str:
        return f"header {self.name}"


@dataclass(frozen=True, slots=True)
class HeaderItem(Place):
    """The value after `key` and `equals` in each item of a header that begins with them.

    `between` separates the items. Without it, the header has one item.
    """

    name: str
    key: str
    equals: str = "="
    between: str | None = None

    def texts(self, delivery: Delivery) -> Sequence[str]:
        text = delivery.headers.get(self.name, "")
        items = text.split(self.between) if self.between else [text]
        start = f"{self.key}{self.equals}"
        return [
            stripped.removeprefix(start)
            for stripped in (item.strip() for item in items)
            if stripped.startswith(start)
        ]

    def __str__(self) -> str:
        return f"{self.key}{self.equals}... in header {self.name}"


@dataclass(frozen=True, slots=True)
class Authorization(Place):
    """The credentials of an `Authorization` header; for `Basic` the decoded `user:password`."""

    scheme: str

    def texts(self, delivery: Delivery) -> Sequence[str]:
        scheme, _, credentials = delivery.headers.get("authorization", "").strip().partition(" ")
        if scheme.lower() != self.scheme.lower():
            return []
        if self.scheme != "Basic":
            return [credentials.strip()]
        try:
            clear = base64.b64decode(credentials.strip(), validate=True)
            # Base64 padding has unused bits: accept only the canonical encoding of a text.
            return (
                [clear.decode()] if base64.b64encode(clear).decode() == credentials.strip() else []
            )
        except (binascii.Error, ValueError):
            return []

    def __str__(self) -> str:
        return f"header authorization with {self.scheme} credentials"


@dataclass(frozen=True, slots=True)
class Parameter(Place):
    """A parameter of the address's query.

    A plus sign means a space, or a plus sign if the author of the address did not escape it.
    """

    name: str

    def texts(self, delivery: Delivery) -> Sequence[str]:
        query = delivery.query
        readings = (_parameters(query), _parameters(query.replace("+", "%2B")))
        found = [value for pairs in readings for name, value in pairs if name == self.name]
        return list(dict.fromkeys(found))

    def __str__(self) -> str:
        return f"parameter {self.name} in the address"


@dataclass(frozen=True, slots=True)
class LastOfPath(Place):
    """The path segment after the source's name in the address: `/v1/webhooks/NAME/...`."""

    def texts(self, delivery: Delivery) -> Sequence[str]:
        last = unquote(delivery.path.rpartition("/")[2])
        return [last] if last else []

    def __str__(self) -> str:
        return "secret after the source's name in the address"


@dataclass(frozen=True, slots=True)
class InJson(Place):
    """A text in a JSON body, at a path."""

    path: Path

    def texts(self, delivery: Delivery) -> Sequence[str]:
        try:
            found = at(documents.read(delivery.body), self.path)
        except RejectedError:
            return []
        return [found] if isinstance(found, str) else []

    def struck_from(self, body: bytes) -> bytes:
        if not self.texts(Delivery({}, body)):
            return body
        return json.dumps(without(documents.read(body), self.path), ensure_ascii=False).encode()

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} in the body"


def body(delivery: Delivery) -> bytes:
    """The raw body."""
    return delivery.body


def method(delivery: Delivery) -> bytes:
    """The HTTP method, in capitals."""
    return delivery.method.encode()


def url(delivery: Delivery) -> bytes:
    """The whole address that the sender called."""
    return delivery.url.encode("utf-8", "surrogateescape")


def _parameters(query: str) -> list[tuple[str, str]]:
    """Names and values; empty if there are too many parameters."""
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return []
