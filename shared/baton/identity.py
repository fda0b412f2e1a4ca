"""Ids, frozen from the first day: `tests/contract/id_vectors.json` holds vectors for each of them.

All are UUIDv8 (RFC 9562). Event ids carry a time in their first 48 bits, so that the index of the
inbox grows at its end; lead ids carry none, so that they say nothing about the person.

What is hashed is a list of texts as JSON without white space, non-ASCII as it is, in UTF-8. Of
SHA-256 (for lead ids HMAC-SHA256) the first 128 bits count, less those that time, version and
variant take.
"""

import hashlib
import hmac
import re
import struct
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from json.encoder import encode_basestring
from uuid import UUID

import idna

_VERSION_8 = 0x8 << 76
_VARIANT = 0b10 << 62
_FREE_BITS = ((1 << 128) - 1) ^ (0xF << 76) ^ (0b11 << 62)
_HASH_BITS_BELOW_TIME = (1 << 80) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_FEWEST_DIGITS = 5


class UnusableIdentityError(ValueError):
    """The delivery has nothing that identifies the lead, or only texts that cannot be hashed."""


def lead_id(key: bytes, brand: str, *identity: str) -> UUID:
    """Keyed hash of a brand and an identity (`email_identity` and its siblings).

    `key` is the deployment's id key; it never changes, since every id would change with it.
    """
    digest = hmac.digest(key, _unambiguous((brand, *identity)), "sha256")
    return _uuid8(int.from_bytes(digest[:16]))


@lru_cache(maxsize=256)
def email_identity(email: str) -> tuple[str, str]:
    """Identity of a mail address: trimmed, lower case, NFC, the domain in IDNA's ASCII form.

    Raises UnusableIdentityError where there is no local part, or the domain is no name (an address
    literal is none). Plus-tags, dots and the like stay: whether two addresses are one person is for
    policy to say.
    """
    # Lower case can leave what NFC composes again: a capital J with a caron has no single letter, a
    # small one has.
    lower = unicodedata.normalize("NFC", _trimmed(email)).lower()
    local, _, domain = unicodedata.normalize("NFC", lower).rpartition("@")
    if not local or " " in local or not local.isprintable():
        raise UnusableIdentityError("an email must have the form name@domain")
    return ("email", f"{local}@{_ascii_domain(domain)}")


def external_identity(source: str, external_id: str) -> tuple[str, str, str]:
    """Identity of a record in the sender's own system; its letters' case counts."""
    text = _trimmed(external_id)
    if not text:
        raise UnusableIdentityError("an external_id must not be empty")
    return ("external", source, text)


def phone_identity(source: str, phone: str, name: str) -> tuple[str, str, str, str]:
    """Identity of the digits of a phone number, of any script, and a name as sent, which may be "".

    Raises UnusableIdentityError below five digits: no subscriber's number is that short.
    """
    digits = "".join(str(unicodedata.decimal(c)) for c in phone if c.isdecimal())
    if len(digits) < _FEWEST_DIGITS:
        raise UnusableIdentityError(f"a phone must have at least {_FEWEST_DIGITS} digits")
    return ("phone", source, digits, _trimmed(name))


def delivery_event_id(
    source: str,
    delivery_id: str,
    lead: UUID,
    time: datetime | None,
    body: bytes | None = None,
    part: str = "",
) -> UUID:
    """Id of the event that a delivery becomes for one lead.

    `time` is the sender's own for what it tells, if the delivery has one; the time of an attempt to
    deliver is none, since a retry has another. `body` belongs to the id only for the
    Idempotency-Key of our own API; a vendor's retry may differ in its body. `part` tells apart the
    events that one delivery becomes for the same lead.
    """
    digest = "" if body is None else hashlib.sha256(body).hexdigest()
    text = _unambiguous(("delivery", source, delivery_id, str(lead), digest, part))
    return _without_time(text) if time is None else _with_time(text, _milliseconds(time))


def digest_event_id(
    source: str, body: bytes, lead: UUID, received: datetime, horizon: timedelta, part: str = ""
) -> UUID:
    """Id for a delivery with neither id nor time: its body and the time of receipt.

    The time is cut to the source's retry `horizon`, so that a retry within it is the same event; a
    retry across its edge is a second enquiry. `part` is as in `delivery_event_id`.
    """
    step = horizon // timedelta(milliseconds=1)
    cut = _milliseconds(received) // step * step
    digest = hashlib.sha256(body).hexdigest()
    return _with_time(_unambiguous(("digest", source, digest, str(lead), str(cut), part)), cut)


def following_id(cause: UUID, cause_time: datetime, event_type: str, ordinal: int) -> UUID:
    """Id of the `ordinal`-th event of `event_type` that follows from `cause`.

    The cause is an event (with its `ce_time`), a timer (with its due time) or a command (with the
    time it was made). A decision that is repeated gives the same ids.
    """
    parts = ("follows", str(cause), event_type, str(ordinal))
    return _with_time(_unambiguous(parts), _milliseconds(cause_time))


def named_id(*parts: str) -> UUID:
    """Id without a time, of something that is known by its names (a timer, an assignment)."""
    return _without_time(_unambiguous(("named", *parts)))


def shard_of(key: bytes, shards: int) -> int:
    """The shard, and so the partition, of a record's key, as Kafka's own partitioner has it.

    This is murmur2 as in `org.apache.kafka.common.utils.Utils`, made positive, modulo `shards`. It
    stands here, since a domain may ask for a shard but may not import a Kafka client.
    """
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(key)
    multiple_of_four = len(key) & ~3
    for (word,) in struct.iter_unpack("<I", key[:multiple_of_four]):
        k = word * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    if multiple_of_four < len(key):
        h = (h ^ int.from_bytes(key[multiple_of_four:], "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    h ^= h >> 15
    return (h & 0x7FFFFFFF) % shards


def _trimmed(text: str) -> str:
    """Text without white space and invisible format characters at its ends."""
    if "\0" in text:
        raise UnusableIdentityError("a text must not have NUL characters")
    if text.isascii():
        return text.strip()
    visible = [i for i, c in enumerate(text) if not c.isspace() and unicodedata.category(c) != "Cf"]
    return text[visible[0] : visible[-1] + 1] if visible else ""


def _ascii_domain(domain: str) -> str:
    """IDNA's ASCII form, by UTS 46 (not transitional), without the root's dot.

    Names in ASCII stay as they are, whatever IDNA says of their hyphens and underscores.
    """
    try:
        text = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise UnusableIdentityError("the domain of the email is not a valid name") from error
    text = text.removesuffix(".")
    if not _DOMAIN.fullmatch(text):
        raise UnusableIdentityError("the domain of the email is not a valid name")
    return text


def _unambiguous(parts: Sequence[str]) -> bytes:
    try:
        return f"[{','.join(map(encode_basestring, parts))}]".encode()
    except UnicodeEncodeError as error:
        raise UnusableIdentityError("a text must not have half of a surrogate pair") from error


def _milliseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(milliseconds=1)


def _without_time(text: bytes) -> UUID:
    return _uuid8(int.from_bytes(hashlib.sha256(text).digest()[:16]))


def _with_time(text: bytes, milliseconds: int) -> UUID:
    """A time before 1970 counts as 0."""
    low = int.from_bytes(hashlib.sha256(text).digest()[:16]) & _HASH_BITS_BELOW_TIME
    return _uuid8(max(milliseconds, 0) << 80 | low)


def _uuid8(bits: int) -> UUID:
    return UUID(int=bits & _FREE_BITS | _VERSION_8 | _VARIANT)
