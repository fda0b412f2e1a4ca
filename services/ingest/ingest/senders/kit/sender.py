"""Describes a sender for the edge: its signature, handshake, reading and answer."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from pydantic import JsonValue

from ingest.policy.source import SignedSource
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.drafts import LeadDraft
from ingest.senders.kit.items import ItemResult
from ingest.senders.kit.signing import Scheme

S = TypeVar("S", bound=SignedSource)

_HARMLESS_HEADERS = ("content-type", "content-length", "user-agent", "date")

Environment = Mapping[str, str]
"""The secrets, by the names of the environment variables in the bundle."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int = 200
    body: bytes = b""
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Guide:
    """A sender's section of docs/senders.md, in Markdown.

    `becomes`: the leads, activities and follow-ups that the reader gets. `enter`: the set-up on the
    vendor's screen. `sends`: the content of deliveries. `retries`: when the vendor sends again.
    `details`: if the vendor sends ids only, the source's `details`, as YAML.
    """

    name: str
    enter: str
    sends: str
    becomes: str
    retries: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A typical delivery of the vendor, for the API's description. A test reads each example."""

    body: str
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def accepted(delivery: Delivery, results: Sequence[JsonValue], status: int = 202) -> Reply:  # noqa: ARG001 - a sender's
    """The usual answer: the result of each item."""
    return Reply(status, json.dumps({"results": list(results)}).encode(), "application/json")


ok = partial(accepted, status=200)
"""As `accepted`, with status 200: some vendors treat 202 as a failure."""


def headers(*names: str) -> Callable[[SignedSource], Sequence[str]]:
    """`read_headers` with the same headers for all sources of a sender."""
    return lambda _: names


def no_headers(source: SignedSource) -> Sequence[str]:  # noqa: ARG001 - a sender's
    """`read_headers` of senders whose body is sufficient."""
    return ()


def no_handshake(source: SignedSource, delivery: Delivery, environment: Environment) -> None:
    """`handshake` of senders that have none."""


@dataclass(frozen=True, slots=True)
class Sender(Generic[S]):
    """Everything that the edge knows about one kind of source.

    `signing`: the schemes of a source. The first scheme that a delivery uses counts.
    `reading`: the items of an authentic delivery. It sees the body, the media type and
    `read_headers` only: names in lower case, no secrets. It raises NotUnderstoodError.
    `handshake`: the answer to a request that is not a delivery, or None. It gets unverified
    requests of any method, and may raise NotAuthenticError.
    `answer`: the answer after Baton stored all items.
    `completing`: adds the details that Baton fetched from the vendor's API to a lead. It raises
    NotUnderstoodError.
    `not_now`: the status of a temporary refusal, if the vendor does not retry after one of the
    usual 503 and 429.
    """

    kind: str
    source: type[S]
    signing: Callable[[S], Sequence[Scheme]]
    reading: Callable[[S, Delivery], Iterable[ItemResult]]
    guide: Guide
    example: Example
    handshake: Callable[[S, Delivery, Environment], Reply | None] = no_handshake
    answer: Callable[[Delivery, Sequence[JsonValue]], Reply] = accepted
    completing: Callable[[S, LeadDraft, JsonValue], LeadDraft] | None = None
    read_headers: Callable[[S], Sequence[str]] = no_headers
    not_now: int | None = None

    def read(self, source: S, delivery: Delivery) -> list[ItemResult]:
        """The items of an authentic delivery without duplicates. Raises NotUnderstoodError."""
        items = list(self.reading(source, delivery))
        if len(items) == 1:
            return items
        return list({repr(item): item for item in items}.values())

    def readable(self, source: S, delivery: Delivery) -> Delivery:
        """The part of a delivery that may be read and stored: no address, signature or credentials.

        Reading needs no more. A secret in the body is removed from it.
        """
        names = {*_HARMLESS_HEADERS, *self.read_headers(source)}
        headers = {name: text for name, text in delivery.headers.items() if name in names}
        body = delivery.body
        for scheme in self.signing(source):
            body = scheme.at.struck_from(body)
        return Delivery(headers, body)

    def repeated(self, source: S, delivery: Delivery) -> list[str]:
        """The header lines that are the same in a retry, to recognise it together with the body."""
        headers = delivery.headers
        return [f"{name}: {headers[name]}" for name in self.read_headers(source) if name in headers]


def signed_by(*schemes: Scheme) -> Callable[[SignedSource], Sequence[Scheme]]:
    """`signing` with the same schemes for all sources of a sender."""
    return lambda _: schemes
