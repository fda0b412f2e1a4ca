"""How senders show that a delivery is theirs, as tables; one verifier for all of them.

It works on the raw bytes, before they are parsed, and compares in constant time.
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
    """A secret is not of the form that the sender's secrets have."""


def unix_seconds(text: str) -> datetime:
    """Raises ValueError where it is none."""
    return _since_the_epoch(text, timedelta(seconds=1))


def unix_milliseconds(text: str) -> datetime:
    """Raises ValueError where it is none."""
    return _since_the_epoch(text, timedelta(milliseconds=1))


def iso_time(text: str) -> datetime:
    """A time with its offset. Raises ValueError where it is none."""
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
    """The key of a secret that is used as the vendor shows it."""
    return secret.encode()


@dataclass(frozen=True, slots=True)
class SentAt:
    """When a delivery says it was sent; it may differ from our clock by `tolerance` either way."""

    at: Place
    read: Callable[[str], datetime]
    tolerance: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Signature:
    """A digest, by a secret, over parts of the delivery.

    `at` is where it stands, perhaps several. `keyed`: an HMAC; else the plain digest of the secret
    and, behind it, what is signed. `only_if` tells apart schemes that use the same place: texts
    that must all be found elsewhere. `body_digest` is where the SHA-256 of the body stands in hex,
    where it is signed in the body's stead.
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
    """The secret itself, shown at a place."""

    at: Place


Scheme = Signature | Token | SignedToken


def as_stripe(header: str, item: str) -> Signature:
    """As Stripe does it: the header has `t`, a Unix time, and in `item` what is signed with it."""
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
"""The secret wherever the screen of a sender that can't sign lets one be put."""


def key(schemes: Sequence[Scheme], secret: str) -> bytes:
    """The key of a source's secret. Raises UnusableSecretError, also where it is empty."""
    scheme = schemes[0]
    if isinstance(scheme, SignedToken):
        _public_key(secret)
    made = scheme.key_of(secret) if isinstance(scheme, Signature) else as_it_is(secret)
    if not made:
        raise UnusableSecretError("is empty")
    return made


def signs_address(schemes: Sequence[Scheme]) -> bool:
    """Whether the address, as the sender has it, is part of what is signed."""
    return any(
        isinstance(scheme, SignedToken) or (isinstance(scheme, Signature) and url in scheme.signs)
        for scheme in schemes
    )


def verify(
    schemes: Sequence[Scheme], secrets: Sequence[str], delivery: Delivery, now: datetime
) -> None:
    """Returns if one of the secrets fits the first scheme that the delivery uses.

    Raises NotAuthenticError, whatever the delivery holds, and UnusableSecretError.
    """
    scheme = next((scheme_ for scheme_ in schemes if _is_used(scheme_, delivery)), None)
    if scheme is None:
        raise NotAuthenticError(
            f"there is no {' or '.join(str(possible.at) for possible in schemes)}"
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
        raise NotAuthenticError(f"{scheme.at} is not the one for this delivery")
    if isinstance(scheme, Signature):
        _check_body(scheme, delivery)
        _check_time(scheme, delivery, now)


def _public_key(secret: str) -> RSAPublicKey:
    try:
        return tokens.public_key(secret)
    except ValueError as error:
        raise UnusableSecretError("is no RSA public key as PEM") from error


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
    """Comparing bytes, whatever a header holds is just another wrong signature."""
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
        raise NotAuthenticError(f"{scheme.body_digest} is not that of this body")


def _check_time(scheme: Signature, delivery: Delivery, now: datetime) -> None:
    if scheme.sent_at is None:
        return
    place, tolerance = scheme.sent_at.at, scheme.sent_at.tolerance
    texts = place.texts(delivery)
    try:
        sent = scheme.sent_at.read(texts[0] if texts else "")
    except ValueError as error:
        raise NotAuthenticError(f"{place} is not the time at which it was sent") from error
    if abs(now - sent) > tolerance:
        raise NotAuthenticError(f"{place} is more than {tolerance} from our clock")


def verify_shown(secrets: Sequence[str], delivery: Delivery) -> None:
    """As `verify`, of a secret that is shown; those that are empty can't be. For handshakes."""
    verify(SHOWN, [secret for secret in secrets if secret], delivery, _EPOCH)
