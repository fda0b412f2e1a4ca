"""Where a delivery has the texts that show whose it is, and what of it a signature is over."""

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
    """Nothing shows that a delivery is the sender's; the message may be told to whoever sent it."""


class ForbiddenError(NotAuthenticError):
    """As above, of a handshake that must be answered 403 then, as its vendor has it."""


class Place(ABC):
    """Where a text may stand; its `str` names it to whoever must look there."""

    @abstractmethod
    def texts(self, delivery: Delivery) -> Sequence[str]:
        """All that stand there; none where there is nothing, whatever the delivery holds."""

    def struck_from(self, body: bytes) -> bytes:
        """A body without what stands there; as it is where none of it stands in the body."""
        return body

    def __call__(self, delivery: Delivery) -> bytes:
        """The first, as a part of what is signed. Raises NotAuthenticError where there is none."""
        found = self.texts(delivery)
        if not found:
            raise NotAuthenticError(f"there is no {self}")
        # Header values come as Latin-1: any of them goes back to the bytes that were sent.
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
    """What follows `key` and `equals` in a header, for each item that begins so.

    `between` stands between the items; without it, the header has one.
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
    """The credentials of an `Authorization` header; of `Basic`, `user:password` in the clear."""

    scheme: str

    def texts(self, delivery: Delivery) -> Sequence[str]:
        scheme, _, credentials = delivery.headers.get("authorization", "").strip().partition(" ")
        if scheme.lower() != self.scheme.lower():
            return []
        if self.scheme != "Basic":
            return [credentials.strip()]
        try:
            clear = base64.b64decode(credentials.strip(), validate=True)
            # Padding has bits that mean nothing: of several ways to write a text, one counts.
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

    A plus sign stands for a space, or, where who wrote the address did not escape it, for itself.
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
    """What follows the source's name in the address: `/v1/webhooks/NAME/...`."""

    def texts(self, delivery: Delivery) -> Sequence[str]:
        last = unquote(delivery.path.rpartition("/")[2])
        return [last] if last else []

    def __str__(self) -> str:
        return "secret after the source's name in the address"


@dataclass(frozen=True, slots=True)
class InJson(Place):
    """A text within a body of JSON, which must be read to find it."""

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
    """The raw bytes."""
    return delivery.body


def method(delivery: Delivery) -> bytes:
    """The HTTP method, in capitals."""
    return delivery.method.encode()


def url(delivery: Delivery) -> bytes:
    """The whole address, as the sender has it."""
    return delivery.url.encode("utf-8", "surrogateescape")


def _parameters(query: str) -> list[tuple[str, str]]:
    """Names and values; empty where there is too much of it."""
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return []
