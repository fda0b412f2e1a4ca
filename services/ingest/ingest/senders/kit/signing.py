"""Verifies deliveries: senders declare their signatures as tables, and `verify` checks them.

It works on the raw bytes before parsing, and compares in constant time.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ingest.senders.kit import tokens
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.places import (
    Authorization,
    Header,
    HeaderItem,
    LastOfPath,
    NotAuthenticError,
    Parameter,
    Place,
    body,
    url,
)
from ingest.senders.kit.tokens import SignedToken

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)


class UnusableSecretError(ValueError):
    """A secret does not have the format of the sender's secrets."""


def unix_seconds(text: str) -> datetime:
    """Raises ValueError where it is none."""
    return _since_the_epoch(text, timedelta(seconds=1))


def unix_milliseconds(text: str) -> datetime:
    """Raises ValueError where it is none."""
    return _since_the_epoch(text, timedelta(milliseconds=1))


def iso_time(text: str) -> datetime:
    """A time with an offset. Raises ValueError for any other text."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("has no offset")
    return time


def _since_the_epoch(text: str, unit: timedelta) -> datetime:
    if not _DIGITS.fullmatch(text):
        raise ValueError("is no number")
    try:
        return _EPOCH + int(text) * unit
    except OverflowError as error:
        raise ValueError("is after the year 9999") from error


def in_hex(digest: bytes) -> bytes:
    return digest.hex().encode()


def in_base64(digest: bytes) -> bytes:
    return base64.b64encode(digest)


def as_it_is(secret: str) -> bytes:
    """The key of a secret that the vendor uses unchanged."""
    return secret.encode()


@dataclass(frozen=True, slots=True)
class SentAt:
    """The time of sending in a delivery. It may differ from our clock by at most `tolerance`."""

    at: Place
    read: Callable[[str], datetime]
    tolerance: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Signature:
    """A digest with a secret over parts of the delivery.

    `at`: the place of the digest; the place may have several. `keyed`: an HMAC, otherwise the plain
    digest of the secret followed by the signed parts. `only_if`: texts that other places must have,
    to distinguish schemes with the same place. `body_digest`: the place of the body's SHA-256 in
    hex, if the vendor signs that instead of the body.
    """

    at: Place
    signs: Sequence[bytes | Callable[[Delivery], bytes]]
    written: Callable[[bytes], bytes]
    algorithm: str = "sha256"
    keyed: bool = True
    key_of: Callable[[str], bytes] = as_it_is
    sent_at: SentAt | None = None
    only_if: Sequence[tuple[Place, str | None]] = ()
    body_digest: Place | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """The secret itself, at a place in the delivery."""

    at: Place


Scheme = Signature | Token | SignedToken


def as_stripe(header: str, item: str) -> Signature:
    """Stripe's scheme: the header has a Unix time `t`, and an HMAC over time and body in `item`."""
    time = HeaderItem(header, "t", between=",")
    return Signature(
        at=HeaderItem(header, item, between=","),
        signs=(time, b".", body),
        written=in_hex,
        sent_at=SentAt(time, unix_seconds),
    )


SHOWN = (
    Token(Authorization("Bearer")),
    Token(Authorization("Basic")),
    Token(Header("x-baton-token")),
    Token(Header("x-ingest-token")),
    Token(Parameter("token")),
    Token(Parameter("secret")),
    Token(LastOfPath()),
)
"""The places of a secret for senders that can't sign; vendors' screens offer one of them."""


def key(schemes: Sequence[Scheme], secret: str) -> bytes:
    """The key of a source's secret. Raises UnusableSecretError, also for an empty secret."""
    scheme = schemes[0]
    if isinstance(scheme, SignedToken):
        _public_key(secret)
    made = scheme.key_of(secret) if isinstance(scheme, Signature) else as_it_is(secret)
    if not made:
        raise UnusableSecretError("is empty")
    return made


def signs_address(schemes: Sequence[Scheme]) -> bool:
    """Whether the sender signs the address, so that `BATON_WEBHOOKS_URL` must be set."""
    return any(
        isinstance(scheme, SignedToken) or (isinstance(scheme, Signature) and url in scheme.signs)
        for scheme in schemes
    )


def verify(
    schemes: Sequence[Scheme], secrets: Sequence[str], delivery: Delivery, now: datetime
) -> None:
    """Checks the first scheme that the delivery uses, with each secret.

    Raises NotAuthenticError or UnusableSecretError, whatever the delivery contains.
    """
    scheme = next((scheme_ for scheme_ in schemes if _is_used(scheme_, delivery)), None)
    if scheme is None:
        raise NotAuthenticError(
            f"the request has no {' or '.join(str(possible.at) for possible in schemes)}"
        )
    if isinstance(scheme, SignedToken):
        tokens.verify(scheme, [_public_key(secret) for secret in secrets], delivery, now)
        return
    keys = [key((scheme,), secret) for secret in secrets]
    signatures = [_bytes(text) for text in scheme.at.texts(delivery)]
    if isinstance(scheme, Token):
        good = keys
    else:
        signed = _signed(scheme, delivery)
        good = [scheme.written(_digest(scheme, secret_key, signed)) for secret_key in keys]
    if not _any_equal(good, signatures):
        raise NotAuthenticError(
            f"{scheme.at} is not valid for this delivery; check the secret of the source"
        )
    if isinstance(scheme, Signature):
        _check_body(scheme, delivery)
        _check_time(scheme, delivery, now)


def _public_key(secret: str) -> RSAPublicKey:
    try:
        return tokens.public_key(secret)
    except ValueError as error:
        raise UnusableSecretError("is not an RSA public key in PEM format") from error


def _is_used(scheme: Scheme, delivery: Delivery) -> bool:
    if not scheme.at.texts(delivery):
        return False
    conditions = scheme.only_if if isinstance(scheme, Signature) else ()
    found = [(place.texts(delivery), text) for place, text in conditions]
    return all(text in texts if text is not None else texts for texts, text in found)


def _any_equal(good: Sequence[bytes], signatures: Sequence[bytes]) -> bool:
    equal = False
    for expected in good:
        for other in signatures:
            equal |= hmac.compare_digest(expected, other)
    return equal


def _bytes(text: str) -> bytes:
    """Bytes for the comparison: text that is not ASCII is then only a wrong signature."""
    return text.encode("utf-8", "surrogateescape")


def _digest(scheme: Signature, secret: bytes, signed: bytes) -> bytes:
    if scheme.keyed:
        return hmac.new(secret, signed, scheme.algorithm).digest()
    return hashlib.new(scheme.algorithm, secret + signed).digest()


def _signed(scheme: Signature, delivery: Delivery) -> bytes:
    return b"".join(part if isinstance(part, bytes) else part(delivery) for part in scheme.signs)


def _check_body(scheme: Signature, delivery: Delivery) -> None:
    if scheme.body_digest is None:
        return
    digest = in_hex(hashlib.sha256(delivery.body).digest())
    if not _any_equal([digest], [_bytes(text) for text in scheme.body_digest.texts(delivery)]):
        raise NotAuthenticError(f"{scheme.body_digest} is not the SHA-256 of this body")


def _check_time(scheme: Signature, delivery: Delivery, now: datetime) -> None:
    if scheme.sent_at is None:
        return
    place, tolerance = scheme.sent_at.at, scheme.sent_at.tolerance
    texts = place.texts(delivery)
    try:
        sent = scheme.sent_at.read(texts[0] if texts else "")
    except ValueError as error:
        raise NotAuthenticError(f"{place} is not a time") from error
    if abs(now - sent) > tolerance:
        raise NotAuthenticError(f"{place} is more than {tolerance} from our clock")


def verify_shown(secrets: Sequence[str], delivery: Delivery) -> None:
    """As `verify`, for the secret itself in a handshake. Empty secrets do not count."""
    verify(SHOWN, [secret for secret in secrets if secret], delivery, _EPOCH)
