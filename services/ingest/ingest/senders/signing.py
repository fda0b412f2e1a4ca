"""How senders sign, as tables; one verifier for all, over the raw bytes, before they are parsed."""

import base64
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)


class NotAuthenticError(Exception):
    """Nothing shows that a delivery is the sender's; the message may be told to whoever sent it."""


class UnusableSecretError(ValueError):
    """A secret is not of the form that the sender's secrets have."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook as it came. Header names are in lower case; of one that stands twice, the last."""

    headers: Mapping[str, str]
    body: bytes


class Body(Enum):
    """The raw body, in what is signed."""

    RAW = auto()


@dataclass(frozen=True, slots=True)
class Header:
    """The value of a header, in what is signed."""

    name: str


@dataclass(frozen=True, slots=True)
class HmacScheme:
    """An HMAC in a header.

    `signature` is that header; it may hold several signatures with `between` them. One that counts
    begins with `prefix`. `signs` is what the HMAC is over. `timestamp` is a header with Unix
    seconds, which may differ from our clock by `tolerance` either way.
    """

    signature: str
    signs: Sequence[Header | Body | bytes]
    written: Callable[[bytes], bytes]
    prefix: str = ""
    between: str | None = None
    algorithm: str = "sha256"
    timestamp: str | None = None
    tolerance: timedelta = timedelta(minutes=5)
    key_of: Callable[[str], bytes] = str.encode

    def key(self, secret: str) -> bytes:
        """The key of a secret as the vendor shows it. Raises UnusableSecretError."""
        key = self.key_of(secret)
        if not key:
            raise UnusableSecretError("is empty")
        return key


def in_hex(digest: bytes) -> bytes:
    return digest.hex().encode()


def in_base64(digest: bytes) -> bytes:
    return base64.b64encode(digest)


def verify(
    schemes: Sequence[HmacScheme], secrets: Sequence[str], delivery: Delivery, now: datetime
) -> None:
    """Returns if one of the secrets signed the delivery by the first scheme whose header it has.

    Raises NotAuthenticError, whatever the headers hold, and UnusableSecretError.
    """
    scheme = next((each for each in schemes if each.signature in delivery.headers), None)
    if scheme is None:
        names = " or ".join(each.signature for each in schemes)
        raise NotAuthenticError(f"there is no header {names}")
    given = _given(scheme, delivery.headers[scheme.signature])
    signed = _signed(scheme, delivery)
    matched = False
    for secret in secrets:
        digest = hmac.new(scheme.key(secret), signed, scheme.algorithm).digest()
        for each in given:
            matched |= hmac.compare_digest(scheme.written(digest), each)
    if not matched:
        raise NotAuthenticError(f"{scheme.signature} is not that of this body")
    _check_time(scheme, delivery.headers, now)


def _given(scheme: HmacScheme, text: str) -> list[bytes]:
    each = text.split(scheme.between) if scheme.between else [text]
    # Header values come as Latin-1; comparing bytes, any of them is just another wrong signature.
    return [
        one.removeprefix(scheme.prefix).encode("utf-8", "surrogateescape")
        for one in each
        if one.startswith(scheme.prefix)
    ]


def _signed(scheme: HmacScheme, delivery: Delivery) -> bytes:
    parts = []
    for part in scheme.signs:
        match part:
            case Header(name=name):
                if name not in delivery.headers:
                    raise NotAuthenticError(f"there is no header {name}")
                parts.append(delivery.headers[name].encode("latin-1", "replace"))
            case Body.RAW:
                parts.append(delivery.body)
            case bytes():
                parts.append(part)
    return b"".join(parts)


def _check_time(scheme: HmacScheme, headers: Mapping[str, str], now: datetime) -> None:
    if scheme.timestamp is None:
        return
    text = headers.get(scheme.timestamp, "")
    if not _SECONDS.fullmatch(text):
        raise NotAuthenticError(f"{scheme.timestamp} is not a time in Unix seconds")
    sent = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(text))
    if abs(now - sent) > scheme.tolerance:
        raise NotAuthenticError(
            f"{scheme.timestamp} is more than {scheme.tolerance} from our clock"
        )
