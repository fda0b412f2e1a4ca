"""Signs deliveries as vendors document it, independently of Baton's verification.

The tests compare Baton's verification with it. The authors' own libraries sign Standard Webhooks
and JSON Web Tokens.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from standardwebhooks import Webhook

from ingest.senders.catalogue import SENDERS
from ingest.senders.kit.delivery import Delivery
from ingest_tests.harness import NOW

HOOKS = "https://ingest.example.com/hooks/"
SECRET = "secret-of-0123456789"
USER = "user:password"
KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
WHSEC = "whsec_" + base64.b64encode(SECRET.encode()).decode()

Show = Callable[[Delivery, datetime], Delivery]
"""Adds what shows whose a delivery is that is sent at a time."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way of a source's sender.

    `covers`: the parts of a request (body, method, url) of which no byte may change, and `time`
    where it must be near. Of headers, those that are added count; a secret counts where it stands.
    """

    source: str
    show: Show
    covers: str = ""
    secret: str = SECRET
    query: str = ""

    @property
    def kind(self) -> str:
        return "generic" if self.source in IN_HOUSE else self.source


def delivered(way: Way, sent: timedelta = timedelta(0)) -> Delivery:
    """The example of the way's sender, as sent so long from now."""
    example = SENDERS[way.kind].example
    headers = {"content-type": example.media_type, **example.headers}
    url = f"{HOOKS}{way.source}{way.query}"
    return way.show(Delivery(headers, example.body.encode(), "POST", url), NOW + sent)


def mac(text: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(SECRET.encode(), text, algorithm).digest()


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def seconds(now: datetime) -> str:
    return str(int(now.timestamp()))


def milliseconds(now: datetime) -> str:
    return f"{seconds(now)}000"


def added(delivery: Delivery, headers: Mapping[str, str]) -> Delivery:
    return replace(delivery, headers={**delivery.headers, **headers})


def in_header(name: str, text: str) -> Show:
    return lambda delivery, _: added(delivery, {name: text})


def in_json(name: str) -> Show:
    def show(delivery: Delivery, _: datetime) -> Delivery:
        return replace(
            delivery, body=json.dumps(json.loads(delivery.body) | {name: SECRET}).encode()
        )

    return show


def at_the_end(text: str) -> Show:
    return lambda delivery, _: replace(delivery, url=f"{delivery.url}{text}")


def over_body(
    header: str,
    *,
    prefix: str = "",
    before: bytes = b"",
    algorithm: str = "sha256",
    written: Callable[[bytes], str] = bytes.hex,
) -> Show:
    def show(delivery: Delivery, _: datetime) -> Delivery:
        return added(delivery, {header: prefix + written(mac(before + delivery.body, algorithm))})

    return show


def with_its_time(header: str, version: str) -> Show:
    def show(delivery: Delivery, now: datetime) -> Delivery:
        digest = mac(f"{seconds(now)}.".encode() + delivery.body).hex()
        return added(delivery, {header: f"t={seconds(now)},{version}={digest}"})

    return show


def standard(prefix: str) -> Show:
    def show(delivery: Delivery, now: datetime) -> Delivery:
        signature = Webhook(WHSEC).sign("msg_1", now, delivery.body.decode())
        names = {"id": "msg_1", "timestamp": seconds(now), "signature": signature}
        return added(delivery, {f"{prefix}-{name}": text for name, text in names.items()})

    return show


def customerio(delivery: Delivery, now: datetime) -> Delivery:
    digest = mac(f"v0:{seconds(now)}:".encode() + delivery.body).hex()
    return added(delivery, {"x-cio-timestamp": seconds(now), "x-cio-signature": digest})


def klaviyo(delivery: Delivery, now: datetime) -> Delivery:
    digest = mac(delivery.body + now.isoformat().encode()).hex()
    return added(delivery, {"klaviyo-timestamp": now.isoformat(), "klaviyo-signature": digest})


def webflow(delivery: Delivery, now: datetime) -> Delivery:
    digest = mac(f"{milliseconds(now)}:".encode() + delivery.body).hex()
    return added(
        delivery, {"x-webflow-timestamp": milliseconds(now), "x-webflow-signature": digest}
    )


def tally(delivery: Delivery, _: datetime) -> Delivery:
    body = json.dumps(json.loads(delivery.body), separators=(",", ":")).encode()
    return replace(added(delivery, {"tally-signature": b64(mac(body))}), body=body)


def hubspot_v1(delivery: Delivery, _: datetime) -> Delivery:
    digest = hashlib.sha256(SECRET.encode() + delivery.body).hexdigest()
    return added(delivery, {"x-hubspot-signature": digest, "x-hubspot-signature-version": "v1"})


def hubspot_v2(delivery: Delivery, _: datetime) -> Delivery:
    signed = f"{SECRET}POST{delivery.url}".encode() + delivery.body
    digest = hashlib.sha256(signed).hexdigest()
    return added(delivery, {"x-hubspot-signature": digest, "x-hubspot-signature-version": "v2"})


def hubspot_v3(delivery: Delivery, now: datetime) -> Delivery:
    digest = mac(f"POST{delivery.url}".encode() + delivery.body + milliseconds(now).encode())
    names = {"request-timestamp": milliseconds(now), "signature-v3": b64(digest)}
    return added(delivery, {f"x-hubspot-{name}": text for name, text in names.items()})


def gong(delivery: Delivery, now: datetime) -> Delivery:
    claims = {
        "webhook_url": delivery.url,
        "body_sha256": hashlib.sha256(delivery.body).hexdigest(),
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()),
    }
    return added(delivery, {"authorization": f"Bearer {jwt.encode(claims, KEY, 'RS256')}"})


SETTINGS = {"sha1": {}, "sha256": {"x-twilio-webhooks-signature-settings": "algorithm=HMAC_SHA256"}}


def twilio(algorithm: str) -> Show:
    def show(delivery: Delivery, _: datetime) -> Delivery:
        fields = parse_qsl(delivery.body.decode(), keep_blank_values=True)
        signed = delivery.url + "".join(name + text for name, text in sorted(fields))
        signature = b64(mac(signed.encode(), algorithm))
        return added(delivery, {"x-twilio-signature": signature, **SETTINGS[algorithm]})

    return show


def twilio_json(algorithm: str) -> Show:
    def show(delivery: Delivery, _: datetime) -> Delivery:
        body = json.dumps(dict(parse_qsl(delivery.body.decode()))).encode()
        url = f"{delivery.url}&bodySHA256={hashlib.sha256(body).hexdigest()}"
        headers = {
            "content-type": "application/json",
            "x-twilio-signature": b64(mac(url.encode(), algorithm)),
            **SETTINGS[algorithm],
        }
        return replace(delivery, body=body, url=url, headers=headers)

    return show


def everything(delivery: Delivery, now: datetime) -> Delivery:
    digest = mac(f"POST{delivery.url}".encode() + delivery.body + milliseconds(now).encode())
    return added(delivery, {"x-time": milliseconds(now), "x-sig": b64(digest)})


def by_sha_512(delivery: Delivery, _: datetime) -> Delivery:
    digest = mac(b"n1." + delivery.body, "sha512").hex()
    return added(delivery, {"x-nonce": "n1", "x-sig": f"sha512={digest}"})


def plain_digest(delivery: Delivery, now: datetime) -> Delivery:
    signed = SECRET.encode() + now.isoformat().encode() + delivery.body
    return added(delivery, {"x-time": now.isoformat(), "x-sig": hashlib.sha256(signed).hexdigest()})


IN_HOUSE = {
    "all": "by: hmac, header: x-sig, over: '{method}{url}{body}{time}', written: base64,"
    " time: x-time, time_as: milliseconds",
    "sha-512": "by: hmac, header: x-sig, prefix: 'sha512=', algorithm: sha512,"
    " over: '{header:x-nonce}.{body}', key: base64",
    "digest": "by: digest, header: x-sig, over: '{time}{body}', time: x-time, time_as: iso",
    "basic": "by: basic",
    "parameter": "by: token, parameter: key",
    "field": "by: token, field: key",
}
"""Systems in the house: what `signs` of each says."""

TENANT = "?tenant=acme"
WAYS = (
    Way("activecampaign", at_the_end(f"/{SECRET}")),
    Way("aircall", in_json("token")),
    Way("brevo", in_header("authorization", f"Bearer {SECRET}")),
    Way("calendly", with_its_time("calendly-webhook-signature", "v1"), "body time"),
    Way("cloudevents", at_the_end(f"?access_token={SECRET}")),
    Way("contact_form_7", at_the_end(f"?secret={SECRET}")),
    Way("customerio", customerio, "body time"),
    Way("generic", in_header("x-token", SECRET)),
    Way("all", everything, "body method url time", query=TENANT),
    Way("sha-512", by_sha_512, "body", b64(SECRET.encode())),
    Way("digest", plain_digest, "body time"),
    Way("basic", in_header("authorization", f"Basic {b64(USER.encode())}"), secret=USER),
    Way("parameter", at_the_end(f"?key={SECRET}")),
    Way("field", in_json("key")),
    Way("gong", gong, "body url time", PEM, TENANT),
    Way("gong_unsigned", at_the_end(f"?token={SECRET}")),
    Way("google_ads", in_json("google_key")),
    Way("gravity_forms", in_header("x-baton-token", SECRET)),
    Way("hub_signature", over_body("x-hub-signature-256", prefix="sha256="), "body"),
    Way("hubspot", hubspot_v1, "body"),
    Way("hubspot", hubspot_v2, "body method url", query=TENANT),
    Way("hubspot", hubspot_v3, "body method url time", query=TENANT),
    Way("intercom", over_body("x-hub-signature", prefix="sha1=", algorithm="sha1"), "body"),
    Way("jotform", at_the_end(f"/{SECRET}")),
    Way("klaviyo", klaviyo, "body time"),
    Way("linkedin", over_body("x-li-signature", before=b"hmacsha256="), "body"),
    Way("mailchimp", at_the_end(f"?secret={SECRET}")),
    Way("make", in_header("x-ingest-token", SECRET)),
    Way("marketo", at_the_end(f"?token={SECRET}")),
    Way("meta", over_body("x-hub-signature-256", prefix="sha256="), "body"),
    Way("outreach", over_body("outreach-webhook-signature"), "body"),
    Way("pipedrive", in_header("authorization", f"Basic {b64(USER.encode())}"), secret=USER),
    Way("ringcentral", in_header("verification-token", SECRET)),
    Way("salesforce", at_the_end(f"?token={SECRET}")),
    Way("salesloft", over_body("x-salesloft-signature", algorithm="sha1"), "body"),
    Way("segment", over_body("x-signature", algorithm="sha1"), "body"),
    Way("standard_webhooks", standard("webhook"), "body time", WHSEC),
    Way("standard_webhooks", standard("svix"), "body time", WHSEC),
    Way("stripe_like", with_its_time("stripe-signature", "v1"), "body time"),
    Way("tally", tally, "body"),
    Way("tiktok", with_its_time("tiktok-signature", "s"), "body time"),
    *(
        Way("twilio", show(algorithm), "body url", query=TENANT)
        for show in (twilio, twilio_json)
        for algorithm in SETTINGS
    ),
    Way("typeform", over_body("typeform-signature", prefix="sha256=", written=b64), "body"),
    Way("webflow", webflow, "body time"),
    Way("webflow", at_the_end(f"/{SECRET}")),
    Way("zapier", in_header("authorization", f"Basic {b64(USER.encode())}"), secret=USER),
)
