"""Deliveries that carry a JSON Web Token, signed by their sender's private key (RS256)."""

import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.types import Options
from jwt.utils import base64url_decode, base64url_encode

from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.places import NotAuthenticError, Place

_TOLERANCE = timedelta(minutes=5)
_ALGORITHM = "RS256"


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token whose claims name the address, the body by its SHA-256, and how long it holds."""

    at: Place


def public_key(pem: str) -> RSAPublicKey:
    """A key as PEM, all in one line perhaps. Raises ValueError where it is none."""
    try:
        key = load_pem_public_key(pem.replace("\\n", "\n").encode())
    except UnsupportedAlgorithm as error:
        raise ValueError("is no RSA key") from error
    if not isinstance(key, RSAPublicKey):
        raise ValueError("is no RSA key")  # noqa: TRY004 - the text is what is wrong
    return key


def verify(
    scheme: SignedToken, keys: Sequence[RSAPublicKey], delivery: Delivery, now: datetime
) -> None:
    """Raises NotAuthenticError, whatever the delivery holds."""
    claims = _claims(scheme, keys, delivery)
    digest = hashlib.sha256(delivery.body).hexdigest()
    named = {"webhook_url": delivery.url, "body_sha256": digest}
    for claim, good in named.items():
        text = str(claims.get(claim, ""))
        if not hmac.compare_digest(good.encode(errors="replace"), text.encode(errors="replace")):
            raise NotAuthenticError(f"{claim} in {scheme.at} is not that of this delivery")
    issued, expires = _moment(claims, "iat"), _moment(claims, "exp")
    if issued > now + _TOLERANCE or expires < now - _TOLERANCE:
        raise NotAuthenticError(f"{scheme.at} does not hold now")


def _claims(
    scheme: SignedToken, keys: Sequence[RSAPublicKey], delivery: Delivery
) -> dict[str, Any]:
    # Times are looked at by our own clock.
    options: Options = {
        "verify_exp": False,
        "verify_iat": False,
        "verify_nbf": False,
        "verify_aud": False,
    }
    for text in filter(_is_written_plainly, scheme.at.texts(delivery)):
        for key in keys:
            try:
                return jwt.decode(text, key, algorithms=[_ALGORITHM], options=options)
            except (jwt.PyJWTError, ValueError):
                continue
    raise NotAuthenticError(f"{scheme.at} is not the one for this delivery")


def _is_written_plainly(text: str) -> bool:
    """Base64 has bits that mean nothing: of several ways to write a signature, one counts."""
    signature = text.rpartition(".")[2]
    try:
        written = base64url_encode(base64url_decode(signature))
    except (binascii.Error, ValueError):
        return False
    return written == signature.encode(errors="replace")


def _moment(claims: dict[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotAuthenticError(f"{name} is not among the token's claims")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise NotAuthenticError(f"{name} of the token is no time") from error
