"""Whether a delivery is its sender's."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.senders import standard_webhooks, typeform
from ingest.senders.signing import (
    Delivery,
    HmacScheme,
    NotAuthenticError,
    UnusableSecretError,
    verify,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
BODY = b'{"type": "form.submitted"}'
KEY = b"a key of the tests"
SECRETS = {"hooks": "whsec_" + base64.b64encode(KEY).decode(), "forms": "form secret"}


def hook(prefix: str = "webhook", at: datetime = NOW, key: bytes = KEY) -> Delivery:
    seconds = str(int(at.timestamp()))
    digest = hmac.new(key, b"msg_1." + seconds.encode() + b"." + BODY, hashlib.sha256).digest()
    headers = {
        f"{prefix}-id": "msg_1",
        f"{prefix}-timestamp": seconds,
        f"{prefix}-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    return Delivery(headers, BODY)


def form() -> Delivery:
    digest = hmac.new(SECRETS["forms"].encode(), BODY, hashlib.sha256).digest()
    return Delivery({"typeform-signature": f"sha256={base64.b64encode(digest).decode()}"}, BODY)


Signed = tuple[tuple[HmacScheme, ...], str, Delivery]
SIGNED: dict[str, Callable[[], Signed]] = {
    "webhook": lambda: (standard_webhooks.SIGNING, SECRETS["hooks"], hook("webhook")),
    "svix": lambda: (standard_webhooks.SIGNING, SECRETS["hooks"], hook("svix")),
    "typeform": lambda: (typeform.SIGNING, SECRETS["forms"], form()),
}


@pytest.fixture(params=SIGNED)
def signed(request: pytest.FixtureRequest) -> Signed:
    return SIGNED[request.param]()


def changed(text: str) -> str:
    """The text with its last letter or digit changed."""
    at = max(i for i, c in enumerate(text) if c.isalnum())
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def test_what_the_sender_signed_is_authentic(signed: Signed) -> None:
    schemes, secret, delivery = signed
    verify(schemes, [secret], delivery, NOW)


def test_a_changed_body_is_not_authentic(signed: Signed) -> None:
    schemes, secret, delivery = signed
    for at in range(len(BODY)):
        body = BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :]
        with pytest.raises(NotAuthenticError):
            verify(schemes, [secret], replace(delivery, body=body), NOW)


def test_a_changed_header_is_not_authentic(signed: Signed) -> None:
    schemes, secret, delivery = signed
    for name, value in delivery.headers.items():
        headers = {**delivery.headers, name: changed(value)}
        with pytest.raises(NotAuthenticError):
            verify(schemes, [secret], replace(delivery, headers=headers), NOW)


def test_a_missing_header_is_not_authentic(signed: Signed) -> None:
    schemes, secret, delivery = signed
    for name in delivery.headers:
        headers = {other: delivery.headers[other] for other in delivery.headers if other != name}
        with pytest.raises(NotAuthenticError):
            verify(schemes, [secret], replace(delivery, headers=headers), NOW)


def test_another_secret_is_not_authentic(signed: Signed) -> None:
    schemes, secret, delivery = signed
    with pytest.raises(NotAuthenticError):
        verify(schemes, [secret[:-4] + "AAAA"], delivery, NOW)


def test_without_any_secret_nothing_is_authentic(signed: Signed) -> None:
    schemes, _, delivery = signed
    with pytest.raises(NotAuthenticError):
        verify(schemes, [], delivery, NOW)


def test_while_a_secret_is_changed_both_are_good(signed: Signed) -> None:
    schemes, secret, delivery = signed
    other = "whsec_" + base64.b64encode(b"the other").decode()
    verify(schemes, [other, secret], delivery, NOW)
    verify(schemes, [secret, other], delivery, NOW)


def test_one_good_signature_among_several_is_enough() -> None:
    delivery = hook()
    good = delivery.headers["webhook-signature"]
    for several in (f"v1,AAAA {good}", f"{good} v1a,xyz", f"v2,{good[3:]} {good}"):
        headers = {**delivery.headers, "webhook-signature": several}
        verify(standard_webhooks.SIGNING, [SECRETS["hooks"]], Delivery(headers, BODY), NOW)


def test_a_good_signature_of_another_version_is_not_authentic() -> None:
    delivery = hook()
    headers = {
        **delivery.headers,
        "webhook-signature": delivery.headers["webhook-signature"].replace("v1,", "v1a,"),
    }
    with pytest.raises(NotAuthenticError):
        verify(standard_webhooks.SIGNING, [SECRETS["hooks"]], Delivery(headers, BODY), NOW)


@pytest.mark.parametrize("prefix", ["", "sha1=", "SHA256="])
def test_a_good_signature_without_its_prefix_is_not_authentic(prefix: str) -> None:
    good = form().headers["typeform-signature"].removeprefix("sha256=")
    headers = {"typeform-signature": prefix + good}
    with pytest.raises(NotAuthenticError):
        verify(typeform.SIGNING, [SECRETS["forms"]], Delivery(headers, BODY), NOW)


@pytest.mark.parametrize("away", [timedelta(minutes=-5), timedelta(0), timedelta(minutes=5)])
def test_five_minutes_either_way_are_in_time(away: timedelta) -> None:
    verify(standard_webhooks.SIGNING, [SECRETS["hooks"]], hook(at=NOW + away), NOW)


@pytest.mark.parametrize("away", [timedelta(seconds=-301), timedelta(seconds=301)])
def test_more_than_five_minutes_either_way_are_too_far(away: timedelta) -> None:
    with pytest.raises(NotAuthenticError, match="from our clock"):
        verify(standard_webhooks.SIGNING, [SECRETS["hooks"]], hook(at=NOW + away), NOW)


@pytest.mark.parametrize("seconds", ["", "soon", "1e9", "-1", "٣٣", "9" * 5_000, " 1772452800"])
def test_a_timestamp_that_is_none_is_not_authentic_even_if_signed(seconds: str) -> None:
    signed = b".".join([b"msg_1", seconds.encode("latin-1", "replace"), BODY])
    digest = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{digest}",
    }
    with pytest.raises(NotAuthenticError, match="Unix seconds"):
        verify(standard_webhooks.SIGNING, [SECRETS["hooks"]], Delivery(headers, BODY), NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!", "whsec_ä"])
def test_a_secret_of_the_wrong_form_is_never_used(secret: str) -> None:
    with pytest.raises(UnusableSecretError):
        verify(standard_webhooks.SIGNING, [secret], hook(), NOW)


@given(st.text(), st.text(), st.text(), st.binary())
def test_whatever_the_headers_hold_it_is_not_authentic(
    id_: str, seconds: str, signature: str, body: bytes
) -> None:
    headers = {
        "webhook-id": id_,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{signature}",
        "typeform-signature": f"sha256={signature}",
    }
    for schemes, secret in (
        (standard_webhooks.SIGNING, SECRETS["hooks"]),
        (typeform.SIGNING, SECRETS["forms"]),
    ):
        with pytest.raises(NotAuthenticError):
            verify(schemes, [secret], Delivery(headers, body), NOW)
