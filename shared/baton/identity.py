"""Ids, frozen from the first day: `tests/contract/id_vectors.json` holds vectors for each of them.

All are UUIDv8 (RFC 9562). Event ids carry a time in their first 48 bits, so that the index of the
inbox grows at its end; lead ids carry none, so that they say nothing about the person.
"""

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import idna

_VERSION_8 = 0x8 << 76
_VARIANT = 0b10 << 62
_FREE_BITS = ((1 << 128) - 1) ^ (0xF << 76) ^ (0b11 << 62)
_HASH_BITS_BELOW_TIME = (1 << 80) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnusableIdentityError(ValueError):
    """Nothing in a delivery tells whose it is."""


def lead_id(key: bytes, brand: str, *identity: str) -> UUID:
    """Keyed hash of a brand and an identity (`email_identity` and its siblings).

    `key` is the deployment's id key; it never changes, since every id would change with it.
    """
    digest = hmac.new(key, _unambiguous((brand, *identity)), hashlib.sha256).digest()
    return _uuid8(int.from_bytes(digest[:16]))


def email_identity(email: str) -> tuple[str, str]:
    """Identity of a mail address: trimmed, NFC, lower case, domain in IDNA's ASCII form.

    Raises UnusableIdentityError where there is no local part or no domain. Plus-tags, dots and the
    like stay: whether two addresses are one person is for policy to say.
    """
    text = unicodedata.normalize("NFC", email.strip()).lower()
    local, at, domain = text.rpartition("@")
    if not (local and at and domain) or any(c.isspace() or not c.isprintable() for c in text):
        msg = "an email must have the form name@domain"
        raise UnusableIdentityError(msg)
    try:
        ascii_domain = idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        msg = "the domain of the email is not a valid name"
        raise UnusableIdentityError(msg) from error
    return ("email", f"{local}@{ascii_domain}")


def external_identity(source: str, external_id: str) -> tuple[str, str, str]:
    """Identity of a record in the sender's own system."""
    text = external_id.strip()
    if not text:
        msg = "an external_id must not be empty"
        raise UnusableIdentityError(msg)
    return ("external", source, text)


def phone_identity(source: str, phone: str, name: str) -> tuple[str, str, str, str]:
    """Identity of the digits of a phone number and a name, as sent."""
    digits = "".join(c for c in phone if c in "0123456789")
    if not digits:
        msg = "a phone must have digits"
        raise UnusableIdentityError(msg)
    return ("phone", source, digits, name.strip())


def delivery_event_id(
    source: str, delivery_id: str, lead: UUID, time: datetime | None, body: bytes = b""
) -> UUID:
    """Id of the event that a delivery becomes for one lead.

    `time` is the sender's own, if the delivery has one. `body` belongs to the id only for the
    Idempotency-Key of our own API; a vendor's retry may differ in its body.
    """
    digest = hashlib.sha256(body).hexdigest() if body else ""
    return _event_uuid(_unambiguous(("delivery", source, delivery_id, str(lead), digest)), time)


def digest_event_id(
    source: str, body: bytes, lead: UUID, received: datetime, horizon: timedelta
) -> UUID:
    """Id for a delivery with neither id nor time: its body and the time of receipt.

    The time is cut to the source's retry `horizon`, so that a retry within it is the same event; a
    retry across its edge is a second enquiry.
    """
    step = int(horizon / timedelta(milliseconds=1))
    cut = _milliseconds(received) // step * step
    parts = ("digest", source, hashlib.sha256(body).hexdigest(), str(lead), str(cut))
    return _with_time(_unambiguous(parts), cut)


def following_id(cause: UUID, cause_time: datetime, event_type: str, ordinal: int) -> UUID:
    """Id of the `ordinal`-th event of `event_type` that follows from `cause`.

    The cause is an event (with its `ce_time`), a timer (with its due time) or a command (with the
    time it was made). A decision that is repeated gives the same ids.
    """
    parts = ("follows", str(cause), event_type, str(ordinal))
    return _with_time(_unambiguous(parts), _milliseconds(cause_time))


def named_id(*parts: str) -> UUID:
    """Id without a time, of something that is known by its names (a timer, an assignment)."""
    return _uuid8(int.from_bytes(hashlib.sha256(_unambiguous(("named", *parts))).digest()[:16]))


def _unambiguous(parts: Sequence[str]) -> bytes:
    return json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _milliseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(milliseconds=1)


def _event_uuid(text: bytes, time: datetime | None) -> UUID:
    if time is None:
        return _uuid8(int.from_bytes(hashlib.sha256(text).digest()[:16]))
    return _with_time(text, _milliseconds(time))


def _with_time(text: bytes, milliseconds: int) -> UUID:
    low = int.from_bytes(hashlib.sha256(text).digest()[:16]) & _HASH_BITS_BELOW_TIME
    return _uuid8((milliseconds & ((1 << 48) - 1)) << 80 | low)


def _uuid8(bits: int) -> UUID:
    return UUID(int=bits & _FREE_BITS | _VERSION_8 | _VARIANT)
