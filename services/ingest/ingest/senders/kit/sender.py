"""What a sender is to the edge: how it signs, greets, is read and is answered."""

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
"""The secrets, by the names that the bundle has for them."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int = 200
    body: bytes = b""
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Guide:
    """What docs/senders.md tells of a sender, in Markdown.

    `enter`: what to put where in the vendor's screen. `sends`: what comes. `becomes`: what Baton
    makes of it. `retries`: what the vendor does with our answers. `details`: of who sends ids
    alone, what a source has under this key, as YAML.
    """

    name: str
    enter: str
    sends: str
    becomes: str
    retries: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A delivery such as the vendor sends, for the API's description; a test reads each."""

    body: str
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def accepted(delivery: Delivery, results: Sequence[JsonValue], status: int = 202) -> Reply:  # noqa: ARG001 - a sender's
    """Says what became of each item."""
    return Reply(status, json.dumps({"results": list(results)}).encode(), "application/json")


ok = partial(accepted, status=200)
"""The same, for vendors that take nothing but 200 for a yes."""


def headers(*names: str) -> Callable[[SignedSource], Sequence[str]]:
    """Those of a sender whose sources all send alike."""
    return lambda _: names


def no_headers(source: SignedSource) -> Sequence[str]:  # noqa: ARG001 - a sender's
    """For senders whose body says it all."""
    return ()


def no_handshake(source: SignedSource, delivery: Delivery, environment: Environment) -> None:
    """For senders that begin without one."""


@dataclass(frozen=True, slots=True)
class Sender(Generic[S]):
    """All that the edge knows of one kind of source.

    `signing`: the schemes, the first that a delivery uses counts; a source may have a say in them.
    `reading`: what an authentic delivery tells, by its body, its media type and `read_headers`, all
    in lower case and none of them a secret; it raises NotUnderstoodError. `handshake`: the
    answer to a request that is no delivery, or None; it sees requests before they are verified,
    of any method, and may raise NotAuthenticError. `answer`: what is said once everything is safe.
    `completing`: a lead that had to be fetched (its item's `fetch` says what), with the details
    that the vendor's API gives of it; it raises NotUnderstoodError. `not_now`: the status of what
    is refused for the moment, where the vendor sends nothing again after the usual 503 or 429.
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
        """What an authentic delivery tells, each thing once. Raises NotUnderstoodError."""
        items = list(self.reading(source, delivery))
        if len(items) == 1:
            return items
        return list({repr(item): item for item in items}.values())

    def readable(self, source: S, delivery: Delivery) -> Delivery:
        """What of a delivery may be read and kept: no address, signature or credentials.

        Reading needs no more. A secret that stands in the body is struck from it.
        """
        names = {*_HARMLESS_HEADERS, *self.read_headers(source)}
        headers = {name: text for name, text in delivery.headers.items() if name in names}
        body = delivery.body
        for scheme in self.signing(source):
            body = scheme.at.struck_from(body)
        return Delivery(headers, body)

    def repeated(self, source: S, delivery: Delivery) -> list[str]:
        """What is the same whenever the delivery is sent again, beside its body."""
        headers = delivery.headers
        return [f"{name}: {headers[name]}" for name in self.read_headers(source) if name in headers]


def signed_by(*schemes: Scheme) -> Callable[[SignedSource], Sequence[Scheme]]:
    """The schemes of a sender whose sources all sign alike."""
    return lambda _: schemes
