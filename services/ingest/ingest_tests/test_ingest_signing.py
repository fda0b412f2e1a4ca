"""Whether a delivery is its sender's: each way of signing, and all that is wrong with a forgery."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.places import (
    Authorization,
    Header,
    HeaderItem,
    InJson,
    LastOfPath,
    NotAuthenticError,
    Parameter,
    body,
    method,
    url,
)
from ingest.senders.kit.signing import (
    SHOWN,
    Scheme,
    SentAt,
    Signature,
    Token,
    UnusableSecretError,
    in_base64,
    in_hex,
    iso_time,
    key,
    signs_address,
    unix_milliseconds,
    unix_seconds,
    verify,
)
from ingest.senders.vendors.standard_webhooks import SENDER as STANDARD
from ingest.senders.vendors.twilio import SENDER as TWILIO

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECONDS = "1772452800"
URL = "https://hooks.example.com/in/forms?tenant=acme"
BODY = b'{"type": "form.submitted", "token": "a secret"}'
SECRET = "a secret"
SETTINGS = "x-twilio-webhooks-signature-settings"
KEY = b"a key of the tests"
WHSEC = "whsec_" + base64.b64encode(KEY).decode()
STANDARD_SCHEMES = STANDARD.signing(None)  # type: ignore[arg-type]  # all its sources sign alike
TWILIO_SCHEMES = TWILIO.signing(None)  # type: ignore[arg-type]  # as above


def mac(text: bytes, secret: bytes = SECRET.encode(), algorithm: str = "sha256") -> bytes:
    return hmac.new(secret, text, algorithm).digest()


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


@dataclass(frozen=True)
class Case:
    """A scheme with a delivery that is authentic; `covers` is what no byte may change of."""

    schemes: Sequence[Scheme]
    headers: dict[str, str]
    covers: frozenset[str]
    secret: str = SECRET
    url: str = URL

    @property
    def delivery(self) -> Delivery:
        return Delivery(self.headers, BODY, "POST", self.url)


def standard(prefix: str, at: datetime = NOW) -> dict[str, str]:
    seconds = str(int(at.timestamp()))
    digest = mac(b"msg_1." + seconds.encode() + b"." + BODY, KEY)
    return {
        f"{prefix}-id": "msg_1",
        f"{prefix}-timestamp": seconds,
        f"{prefix}-signature": f"v1,{b64(digest)}",
    }


MILLISECONDS = f"{SECONDS}000"
ISO = "2026-03-02T12:00:00+00:00"
CASES = {
    "the body, in hex": Case(
        (Signature(Header("x-sig"), (body,), in_hex),),
        {"x-sig": mac(BODY).hex()},
        frozenset({"body"}),
    ),
    "the body by SHA-1, with a prefix": Case(
        (Signature(HeaderItem("x-sig", "sha1"), (body,), in_hex, algorithm="sha1"),),
        {"x-sig": f"sha1={mac(BODY, algorithm='sha1').hex()}"},
        frozenset({"body"}),
    ),
    "the body, in base64 with a prefix": Case(
        (Signature(HeaderItem("x-sig", "sha256"), (body,), in_base64),),
        {"x-sig": f"sha256={b64(mac(BODY))}"},
        frozenset({"body"}),
    ),
    "a time and the body, both in one header": Case(
        (
            Signature(
                HeaderItem("x-sig", "v1", between=","),
                (HeaderItem("x-sig", "t", between=","), b".", body),
                in_hex,
                sent_at=SentAt(HeaderItem("x-sig", "t", between=","), unix_seconds),
            ),
        ),
        {"x-sig": f"t={SECONDS},v1={mac(f'{SECONDS}.'.encode() + BODY).hex()}"},
        frozenset({"body"}),
    ),
    "the body and a time in ISO 8601": Case(
        (
            Signature(
                Header("x-sig"),
                (body, Header("x-time")),
                in_hex,
                sent_at=SentAt(Header("x-time"), iso_time),
            ),
        ),
        {"x-sig": mac(BODY + ISO.encode()).hex(), "x-time": ISO},
        frozenset({"body"}),
    ),
    "method, address, body and time": Case(
        (
            Signature(
                Header("x-sig"),
                (method, url, body, Header("x-time")),
                in_base64,
                sent_at=SentAt(Header("x-time"), unix_milliseconds),
            ),
        ),
        {
            "x-sig": b64(mac(b"POST" + URL.encode() + BODY + MILLISECONDS.encode())),
            "x-time": MILLISECONDS,
        },
        frozenset({"body", "method", "url"}),
    ),
    "a plain digest of the secret and the body": Case(
        (Signature(Header("x-sig"), (body,), in_hex, keyed=False),),
        {"x-sig": hashlib.sha256(SECRET.encode() + BODY).hexdigest()},
        frozenset({"body"}),
    ),
    "the address, with the body's digest in it": Case(
        (Signature(Header("x-sig"), (url,), in_base64, body_digest=Parameter("sha")),),
        {"x-sig": b64(mac(f"{URL}&sha={hashlib.sha256(BODY).hexdigest()}".encode()))},
        frozenset({"body", "url"}),
        url=f"{URL}&sha={hashlib.sha256(BODY).hexdigest()}",
    ),
    "Standard Webhooks": Case(STANDARD_SCHEMES, standard("webhook"), frozenset({"body"}), WHSEC),
    "Svix": Case(STANDARD_SCHEMES, standard("svix"), frozenset({"body"}), WHSEC),
    "a token in a header": Case((Token(Header("x-token")),), {"x-token": SECRET}, frozenset()),
    "a bearer's token": Case(
        (Token(Authorization("Bearer")),), {"authorization": f"bearer {SECRET}"}, frozenset()
    ),
    "basic credentials": Case(
        (Token(Authorization("Basic")),),
        {"authorization": f"Basic {b64(b'user:password')}"},
        frozenset(),
        "user:password",
    ),
    "a token in the body": Case((Token(InJson(("token",))),), {}, frozenset({"token"})),
    "a token in the address": Case(
        (Token(Parameter("secret")),), {}, frozenset(), "url-secret", f"{URL}&secret=url-secret"
    ),
    "a token that ends the path": Case(
        (Token(LastOfPath()),), {}, frozenset(), "url-secret", "https://a.example/forms/url-secret"
    ),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def check(case: Case, delivery: Delivery, now: datetime = NOW) -> None:
    verify(case.schemes, [case.secret], delivery, now)


def refuse(case: Case, delivery: Delivery, now: datetime = NOW) -> None:
    with pytest.raises(NotAuthenticError):
        check(case, delivery, now)


def test_what_the_sender_signed_is_authentic(case: Case) -> None:
    check(case, case.delivery)


def test_no_byte_of_a_signed_body_may_change(case: Case) -> None:
    at = BODY.index(SECRET.encode())
    if "body" in case.covers:
        places = range(len(BODY))
    else:
        places = range(at, at + len(SECRET)) if "token" in case.covers else range(0)
    for place in places:
        forged = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        refuse(case, replace(case.delivery, body=forged))
    if "body" in case.covers:
        refuse(case, replace(case.delivery, body=BODY + b" "))
        refuse(case, replace(case.delivery, body=b""))


def test_no_letter_of_a_header_that_counts_may_change(case: Case) -> None:
    for name, value in case.headers.items():
        for place, letter in enumerate(value):
            other = "A" if letter != "A" else "B"
            if name == "authorization" and place < len("Bearer "):
                other = "="
            forged = value[:place] + other + value[place + 1 :]
            refuse(case, replace(case.delivery, headers={**case.headers, name: forged}))


def test_no_header_that_counts_may_be_missing_or_empty(case: Case) -> None:
    for name in case.headers:
        others = {other: case.headers[other] for other in case.headers if other != name}
        refuse(case, replace(case.delivery, headers=others))
        refuse(case, replace(case.delivery, headers=others | {name: ""}))


def test_a_signed_method_may_not_change(case: Case) -> None:
    for other in ("GET", "PUT", "post"):
        if "method" in case.covers:
            refuse(case, replace(case.delivery, method=other))
        else:
            check(case, replace(case.delivery, method=other))


def test_no_letter_of_a_signed_address_may_change(case: Case) -> None:
    if "url" in case.covers:
        for place, letter in enumerate(case.url):
            other = "x" if letter != "x" else "y"
            forged = case.url[:place] + other + case.url[place + 1 :]
            refuse(case, replace(case.delivery, url=forged))
        refuse(case, replace(case.delivery, url=f"{case.url}&more=1"))


def test_no_letter_of_a_token_in_the_address_may_change(case: Case) -> None:
    at = case.url.find("url-secret")
    for place in range(at, at + len("url-secret")) if at >= 0 else []:
        forged = case.url[:place] + "_" + case.url[place + 1 :]
        refuse(case, replace(case.delivery, url=forged))


def test_another_secret_is_not_authentic(case: Case) -> None:
    with pytest.raises(NotAuthenticError):
        verify(case.schemes, [case.secret[:-4] + "AAAA"], case.delivery, NOW)


def test_without_any_secret_nothing_is_authentic(case: Case) -> None:
    with pytest.raises(NotAuthenticError):
        verify(case.schemes, [], case.delivery, NOW)


def test_an_empty_secret_is_never_used(case: Case) -> None:
    with pytest.raises(UnusableSecretError):
        key(case.schemes, "")
    with pytest.raises(UnusableSecretError):
        verify(case.schemes, [""], case.delivery, NOW)


def test_while_a_secret_is_changed_both_are_good(case: Case) -> None:
    other = "whsec_" + b64(b"the other")
    verify(case.schemes, [other, case.secret], case.delivery, NOW)
    verify(case.schemes, [case.secret, other], case.delivery, NOW)


@pytest.mark.parametrize("away", [timedelta(minutes=-5), timedelta(0), timedelta(minutes=5)])
def test_five_minutes_either_way_are_in_time(away: timedelta, case: Case) -> None:
    check(case, case.delivery, NOW + away)


@pytest.mark.parametrize("away", [timedelta(seconds=-301), timedelta(seconds=301)])
def test_more_than_five_minutes_either_way_are_too_far(away: timedelta, case: Case) -> None:
    if any(isinstance(each, Signature) and each.sent_at for each in case.schemes):
        with pytest.raises(NotAuthenticError, match="from our clock"):
            check(case, case.delivery, NOW + away)


@pytest.mark.parametrize(
    "seconds", ["", "soon", "1e9", "-1", "٣٣", "9" * 15, "9" * 5_000, " 1772452800"]
)
def test_a_timestamp_that_is_none_is_not_authentic_even_if_signed(seconds: str) -> None:
    signed = b".".join([b"msg_1", seconds.encode("latin-1", "replace"), BODY])
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{b64(mac(signed, KEY))}",
    }
    with pytest.raises(NotAuthenticError, match="not a time"):
        verify(STANDARD_SCHEMES, [WHSEC], Delivery(headers, BODY), NOW)


@pytest.mark.parametrize("text", ["2026-03-02T12:00:00", "yesterday", "", "20260302"])
def test_a_written_time_without_an_offset_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        iso_time(text)


def test_one_good_signature_among_several_is_enough() -> None:
    good = standard("webhook")["webhook-signature"]
    for several in (f"v1,AAAA {good}", f"{good} v1a,xyz", f"v2,{good[3:]} {good}"):
        headers = {**standard("webhook"), "webhook-signature": several}
        verify(STANDARD_SCHEMES, [WHSEC], Delivery(headers, BODY), NOW)


def test_a_good_signature_of_another_version_is_not_authentic() -> None:
    other = standard("webhook")["webhook-signature"].replace("v1,", "v1a,")
    headers = {**standard("webhook"), "webhook-signature": other}
    with pytest.raises(NotAuthenticError):
        verify(STANDARD_SCHEMES, [WHSEC], Delivery(headers, BODY), NOW)


@pytest.mark.parametrize("prefix", ["", "sha256=", "SHA1="])
def test_a_good_signature_without_its_prefix_is_not_authentic(prefix: str) -> None:
    case = CASES["the body by SHA-1, with a prefix"]
    good = case.headers["x-sig"].removeprefix("sha1=")
    refuse(case, replace(case.delivery, headers={"x-sig": prefix + good}))


def test_of_schemes_at_one_place_another_text_tells_which_it_is() -> None:
    at, version = Header("x-sig"), Header("x-version")
    schemes = (
        Signature(at, (body,), in_hex, only_if=[(version, "1")]),
        Signature(at, (method, body), in_hex, only_if=[(version, "2")]),
    )
    for number, signed in (("1", BODY), ("2", b"POST" + BODY)):
        headers = {"x-sig": mac(signed).hex(), "x-version": number}
        verify(schemes, [SECRET], Delivery(headers, BODY), NOW)
    with pytest.raises(NotAuthenticError):
        verify(schemes, [SECRET], Delivery({"x-sig": "a", "x-version": "3"}, BODY), NOW)


@pytest.mark.parametrize(
    ("settings", "algorithm"),
    [
        (None, "sha1"),
        ("", "sha1"),
        ("key=k1", "sha1"),
        ("key=k1,algorithm=HMAC_SHA1", "sha1"),
        ("key=k1,algorithm=HMAC_SHA256", "sha256"),
        ("key=k1, algorithm=HMAC_SHA256", "sha256"),
    ],
)
def test_twilio_s_settings_say_by_which_hash_it_signs(settings: str | None, algorithm: str) -> None:
    type_ = {"content-type": "application/x-www-form-urlencoded"}
    told = type_ if settings is None else {**type_, SETTINGS: settings}
    for used in ("sha1", "sha256"):
        digest = mac(f"{URL}CallSidc1".encode(), algorithm=used)
        given = Delivery({**told, "x-twilio-signature": b64(digest)}, b"CallSid=c1", "POST", URL)
        if used == algorithm:
            verify(TWILIO_SCHEMES, [SECRET], given, NOW)
        else:
            with pytest.raises(NotAuthenticError):
                verify(TWILIO_SCHEMES, [SECRET], given, NOW)


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({"authorization": f"Bearer {SECRET}"}, URL),
        ({"authorization": f"Basic {b64(SECRET.encode())}"}, URL),
        ({"x-baton-token": SECRET}, URL),
        ({}, f"{URL}&token=a+secret"),
        ({}, f"{URL}&secret=a%20secret"),
    ],
)
def test_a_shown_secret_is_good_wherever_a_screen_lets_it_be_put(
    headers: dict[str, str], address: str
) -> None:
    verify(SHOWN, [SECRET], Delivery(headers, BODY, "POST", address), NOW)
    with pytest.raises(NotAuthenticError):
        verify(SHOWN, ["another"], Delivery(headers, BODY, "POST", address), NOW)


@pytest.mark.parametrize(
    "address",
    [
        "https://a.example/forms/ab%2Bc%2Fd%3D",
        "https://a.example/forms/ab+c%2fd=",
        "https://a.example/forms?token=ab%2Bc%2Fd%3D",
        "https://a.example/forms?token=ab+c/d=",
        "https://a.example/forms?secret=ab+c/d%3D&more=1",
    ],
)
def test_a_secret_in_the_address_may_be_escaped_or_not(address: str) -> None:
    verify(SHOWN, ["ab+c/d="], Delivery({}, BODY, "POST", address), NOW)
    with pytest.raises(NotAuthenticError):
        verify(SHOWN, ["ab+c/d"], Delivery({}, BODY, "POST", address), NOW)


def test_only_who_signs_the_address_needs_to_be_told_it() -> None:
    assert signs_address(CASES["method, address, body and time"].schemes)
    assert not signs_address(STANDARD_SCHEMES)
    assert not signs_address(SHOWN)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!", "whsec_ä"])
def test_a_secret_of_the_wrong_form_is_never_used(secret: str) -> None:
    with pytest.raises(UnusableSecretError):
        verify(STANDARD_SCHEMES, [secret], Delivery(standard("webhook"), BODY), NOW)


@given(st.text(), st.text(), st.text(), st.binary())
def test_whatever_a_delivery_holds_it_is_not_authentic(
    one: str, other: str, query: str, forged: bytes
) -> None:
    headers = {
        "authorization": f"Basic {one}",
        "x-token": other,
        "x-time": one,
        "x-sig": f"t={one},v1={other},sha1={other}",
        "webhook-id": one,
        "webhook-timestamp": other,
        "webhook-signature": f"v1,{one}",
    }
    delivery = Delivery(headers, forged, "POST", f"https://a.example/{one}?{query}")
    for each in CASES.values():
        with pytest.raises(NotAuthenticError):
            verify(each.schemes, [each.secret], delivery, NOW)
