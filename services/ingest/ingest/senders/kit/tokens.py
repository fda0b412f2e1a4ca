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
    """A token with claims for the address, the body's SHA-256, and its period of validity."""

    at: Place


def public_key(pem: str) -> RSAPublicKey:
    """A key in PEM format, perhaps in one line. Raises ValueError for anything else."""
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
    """Raises NotAuthenticError and nothing else, whatever the delivery contains."""
    claims = _claims(scheme, keys, delivery)
    digest = hashlib.sha256(delivery.body).hexdigest()
    named = {"webhook_url": delivery.url, "body_sha256": digest}
    for claim, good in named.items():
        text = str(claims.get(claim, ""))
        if not hmac.compare_digest(good.encode(errors="replace"), text.encode(errors="replace")):
            raise NotAuthenticError(
                f"the claim {claim} of the token in {scheme.at} does not match this delivery"
            )
    issued, expires = _moment(claims, "iat"), _moment(claims, "exp")
    if issued > now + _TOLERANCE or expires < now - _TOLERANCE:
        raise NotAuthenticError(f"the token in {scheme.at} is not valid now (iat, exp)")


def _claims(
    scheme: SignedToken, keys: Sequence[RSAPublicKey], delivery: Delivery
) -> dict[str, Any]:
    # `verify` checks the times itself, with its `now` and tolerance.
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
    raise NotAuthenticError(f"the token in {scheme.at} is not signed with a key of this source")


def _is_written_plainly(text: str) -> bool:
    """Base64 padding has unused bits: accept only the canonical encoding of a signature."""
    signature = text.rpartition(".")[2]
    try:
        written = base64url_encode(base64url_decode(signature))
    except (binascii.Error, ValueError):
        return False
    return written == signature.encode(errors="replace")


def _moment(claims: dict[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotAuthenticError(f"the token has no numeric claim {name}")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise NotAuthenticError(f"the claim {name} of the token is not a time") from error
