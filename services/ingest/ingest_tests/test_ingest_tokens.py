"""Deliveries that carry a JSON Web Token: who has signed it, and what it must say."""

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.places import Authorization, NotAuthenticError
from ingest.senders.kit.signing import UnusableSecretError, key, signs_address, verify
from ingest.senders.kit.tokens import SignedToken
from ingest.senders.vendors.gong import SENDER as GONG
from ingest_tests.signers import KEY, PEM

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SCHEMES = (SignedToken(Authorization("Bearer")),)
GIVEN = Delivery({}, b'{"call": 1}', "POST", "https://hooks.example.com/in/calls?tenant=acme")
HOLDS = timedelta(minutes=1)


def claims() -> dict[str, object]:
    return {
        "webhook_url": GIVEN.url,
        "body_sha256": hashlib.sha256(GIVEN.body).hexdigest(),
        "iat": int(NOW.timestamp()),
        "exp": int((NOW + HOLDS).timestamp()),
    }


def carrying(token: str) -> Delivery:
    return replace(GIVEN, headers={"authorization": f"Bearer {token}"})


def token(changed: dict[str, object] | None = None) -> str:
    said = claims() | (changed or {})
    return jwt.encode({name: said[name] for name in said if said[name] is not None}, KEY, "RS256")


def public(of: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    return of.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


OTHER = public(rsa.generate_private_key(public_exponent=65_537, key_size=2_048).public_key())
NO_RSA = public(ec.generate_private_key(ec.SECP256R1()).public_key())


def test_what_the_vendor_signed_is_authentic_whichever_of_two_keys_is_its() -> None:
    for keys in ([PEM], [OTHER, PEM], [PEM.replace("\n", "\\n")]):
        verify(SCHEMES, keys, carrying(token()), NOW)
    with pytest.raises(NotAuthenticError):
        verify(SCHEMES, [OTHER], carrying(token()), NOW)


def test_nobody_is_the_vendor_for_showing_its_public_key() -> None:
    schemes = GONG.signing(None)  # type: ignore[arg-type]  # all its sources sign alike
    shown = replace(GIVEN, url=f"{GIVEN.url}&token={quote(PEM)}")
    with pytest.raises(NotAuthenticError):
        verify(schemes, [PEM], shown, NOW)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"webhook_url": "https://evil.example.com"}, "webhook_url"),
        ({"webhook_url": 5}, "webhook_url"),
        ({"webhook_url": None}, "webhook_url"),
        ({"body_sha256": hashlib.sha256(b"another").hexdigest()}, "body_sha256"),
        ({"body_sha256": None}, "body_sha256"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": 10**30}, "not a time"),
        ({"iat": None}, "iat"),
        ({"iat": True}, "iat"),
    ],
)
def test_a_token_must_say_what_it_is_for_and_until_when(
    changed: dict[str, object], why: str
) -> None:
    with pytest.raises(NotAuthenticError, match=why):
        verify(SCHEMES, [PEM], carrying(token(changed)), NOW)


def test_a_token_holds_five_minutes_longer_than_it_says_either_way() -> None:
    tolerance, second = timedelta(minutes=5), timedelta(seconds=1)
    issued, expires = NOW, NOW + HOLDS
    for moment in (issued - tolerance, NOW, expires + tolerance):
        verify(SCHEMES, [PEM], carrying(token()), moment)
    for moment in (issued - tolerance - second, expires + tolerance + second):
        with pytest.raises(NotAuthenticError, match="is not valid now"):
            verify(SCHEMES, [PEM], carrying(token()), moment)


def test_a_token_may_hold_for_ever() -> None:
    last = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
    verify(SCHEMES, [PEM], carrying(token({"exp": last})), NOW)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512"])
def test_a_token_of_another_algorithm_is_not_authentic(algorithm: str) -> None:
    head, said = written(f'{{"alg":"{algorithm}"}}'.encode()), token().split(".")[1]
    # Who knows the public key could sign so, were it taken for a secret.
    digest = hmac.new(PEM.encode(), f"{head}.{said}".encode(), hashlib.sha256).digest()
    forged = [f"{head}.{said}.", f"{head}.{said}.{written(digest)}"]
    if algorithm == "RS512":
        forged.append(jwt.encode(claims(), KEY, "RS512"))
    for each in forged:
        with pytest.raises(NotAuthenticError):
            verify(SCHEMES, [PEM], carrying(each), NOW)


def written(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "..", "é.é.é", f"{token()}.a", "=" * 9])
def test_what_is_no_token_is_not_authentic(text: str) -> None:
    with pytest.raises(NotAuthenticError):
        verify(SCHEMES, [PEM], carrying(text), NOW)


@pytest.mark.parametrize(
    "secret", ["", "no key", PEM[:100], NO_RSA], ids=["none", "no key", "cut off", "not RSA"]
)
def test_what_is_no_public_rsa_key_is_never_used(secret: str) -> None:
    with pytest.raises(UnusableSecretError):
        key(SCHEMES, secret)
    with pytest.raises(UnusableSecretError):
        verify(SCHEMES, [secret], carrying(token()), NOW)


def test_who_signs_by_tokens_must_be_told_its_address() -> None:
    assert signs_address(SCHEMES)
