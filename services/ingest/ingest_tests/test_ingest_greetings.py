"""Handshakes: no answer helps to forge a delivery, or runs in a browser.

The rules hold for every kind of sender. A kind that gets a handshake needs a greeting here.
"""

import base64
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import pytest

from ingest.policy.source import SignedSource
from ingest.policy.sources import sources_of
from ingest.senders.catalogue import SENDERS, sender_of
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.items import Item
from ingest.senders.kit.places import NotAuthenticError
from ingest.senders.kit.sender import Reply, no_handshake
from ingest.senders.kit.signing import Signature, UnusableSecretError, verify
from ingest.settings import Settings
from ingest_tests.harness import NOW, Process, running
from ingest_tests.signers import HOOKS, SECRET, WAYS, Way, added, delivered, mac
from ingest_tests.vendors import IN_THE_HOUSE, bundle

VERIFY_TOKEN = "token-that-was-entered"
CHALLENGE = "890e4665-4dfe-4ab1-b689-ed553bceeed0"
MARKUP = "<script>alert(1)</script>"
BUNDLE = bundle({**IN_THE_HOUSE, "meta": "kind: meta, verify_token_env: VERIFY_TOKEN"})
META = f"hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={VERIFY_TOKEN}"
GREETINGS = {
    "cloudevents": Delivery(
        {"webhook-request-origin": "events.example.com"},
        method="OPTIONS",
        url=f"{HOOKS}cloudevents",
    ),
    "linkedin": Delivery({}, method="GET", url=f"{HOOKS}linkedin?challengeCode={CHALLENGE}"),
    "mailchimp": Delivery({}, method="GET", url=f"{HOOKS}mailchimp?secret={SECRET}"),
    "meta": Delivery({}, method="GET", url=f"{HOOKS}meta?{META}"),
    "ringcentral": Delivery({"validation-token": CHALLENGE}, url=f"{HOOKS}ringcentral"),
}
"""What each vendor asks, with all that was entered there."""


def source_of(name: str) -> SignedSource:
    source = sources_of(BUNDLE)[name]
    assert isinstance(source, SignedSource)
    return source


def greeted(kind: str, delivery: Delivery, secret: str = SECRET) -> Reply | None:
    """The answer to a handshake; None where there is none, or it is refused."""
    environment = {"SECRET": secret, "VERIFY_TOKEN": VERIFY_TOKEN}
    try:
        return SENDERS[kind].handshake(source_of(kind), delivery, environment)
    except NotAuthenticError:
        return None


def answers(text: str, secret: str = SECRET) -> Iterator[Reply]:
    """To each greeting with the text in the place of what it has, part by part, and as its body.

    The caller knows all that was entered at the vendor's, but for the part that is replaced.
    """
    for kind, greeting in GREETINGS.items():
        pairs = parse_qsl(greeting.query)
        queries = [
            urlencode([*pairs[:at], (name, text), *pairs[at + 1 :]])
            for at, (name, _) in enumerate(pairs)
        ]
        asked = [replace(greeting, url=f"{greeting.path}?{query}") for query in queries]
        asked += [added(greeting, {name: text}) for name in greeting.headers]
        asked.append(replace(greeting, body=text.encode()))
        replies = (greeted(kind, each, secret) for each in asked)
        yield from (reply for reply in replies if reply is not None)


def test_each_kind_with_a_handshake_has_a_greeting_that_is_answered() -> None:
    with_one = {kind for kind, each in SENDERS.items() if each.handshake is not no_handshake}
    assert set(GREETINGS) == with_one
    for kind, greeting in GREETINGS.items():
        assert greeted(kind, greeting) is not None, kind


# --- what is answered is no signature


def digests(reply: Reply) -> Iterator[str]:
    """All in an answer that may be a digest, in each way of writing one."""
    text = " ".join([reply.body.decode(), *reply.headers.values()])
    for word in re.findall(r"[\w+/=-]+", text):
        yield word
        with suppress(ValueError):
            yield base64.b64encode(bytes.fromhex(word)).decode()
        with suppress(ValueError):
            yield base64.b64decode(word, validate=True).hex()


def signature_of(way: Way, delivery: Delivery) -> Signature | None:
    """The scheme by which a delivery is signed; None where it shows its secret or a JWT."""
    source = source_of(way.source)
    for scheme in sender_of(source).signing(source):
        with suppress(NotAuthenticError, UnusableSecretError):
            verify((scheme,), [way.secret], delivery, NOW)
            return scheme if isinstance(scheme, Signature) else None
    raise AssertionError(way)


def is_forged_by(reply: Reply, way: Way, delivery: Delivery, scheme: Signature) -> bool:
    """Whether the answer has a signature for the delivery."""
    (signature,) = scheme.at.texts(delivery)
    for digest in digests(reply):
        texts = {name: text.replace(signature, digest) for name, text in delivery.headers.items()}
        with suppress(NotAuthenticError):
            verify((scheme,), [way.secret], replace(delivery, headers=texts), NOW)
            return True
    return False


def test_no_handshake_answers_with_the_signature_of_a_delivery() -> None:
    """For each kind of handshake and each kind of delivery with the same secret."""
    tried = set()
    for way in WAYS:
        delivery = delivered(way)
        scheme = signature_of(way, delivery)
        if scheme is None:
            continue
        parts = (part if isinstance(part, bytes) else part(delivery) for part in scheme.signs)
        signed = b"".join(parts).decode("latin-1")
        for reply in answers(signed, way.secret):
            assert not is_forged_by(reply, way, delivery, scheme), (way, reply)
        tried.add(way.kind)
    assert set(GREETINGS) & tried == {"linkedin", "meta"}


def test_a_signature_in_an_answer_would_be_seen() -> None:
    (way,) = (way for way in WAYS if way.source == "linkedin")
    delivery = delivered(way)
    scheme = signature_of(way, delivery)
    assert scheme is not None
    for digest in (mac(b"hmacsha256=" + delivery.body), mac(delivery.body)):
        oracle = Reply(200, f'{{"challengeResponse": "{digest.hex()}"}}'.encode())
        is_right = digest == mac(b"hmacsha256=" + delivery.body)
        assert is_forged_by(oracle, way, delivery, scheme) is is_right


def test_what_a_handshake_signs_tells_nothing_as_a_delivery() -> None:
    """Of two kinds that were given the same secret, one may have such a body as authentic."""
    for way in WAYS:
        delivery = replace(delivered(way), body=CHALLENGE.encode())
        if signature_of(way, delivered(way)) is None:
            continue
        with suppress(NotUnderstoodError):
            told = sender_of(source_of(way.source)).read(source_of(way.source), delivery)
            assert not any(isinstance(each, Item) for each in told), way


def test_no_answer_has_a_secret_that_the_caller_does_not_show() -> None:
    for text in ("", SECRET[:-1], VERIFY_TOKEN[:-1], CHALLENGE):
        for reply in answers(text):
            said = f"{reply.body!r} {reply.headers}"
            assert SECRET not in said
            assert VERIFY_TOKEN not in said


# --- what is echoed does nothing


@pytest.mark.parametrize(
    "text", [MARKUP, "a\r\nSet-Cookie: b=c", "\x00", "javascript:alert(1)", "é€"]
)
def test_what_a_browser_would_run_is_not_echoed(text: str) -> None:
    for reply in answers(text):
        assert text.encode() not in reply.body
        for echoed in reply.headers.values():
            assert re.fullmatch(r"[\x21-\x7e]*", echoed)
        assert reply.media_type in (None, "text/plain", "application/json")


@pytest.mark.parametrize("kind", sorted(set(GREETINGS) - {"linkedin"}))
def test_who_does_not_know_what_was_entered_has_an_echo_in_headers_at_most(kind: str) -> None:
    """At LinkedIn nothing is entered: what it signs is a rule of its own."""
    greeting = GREETINGS[kind]
    unknowing = greeting.url.replace(SECRET, "another").replace(VERIFY_TOKEN, "another")
    reply = greeted(kind, replace(greeting, url=unknowing))
    assert reply is None or not reply.body
    assert (reply is None) is (kind in ("mailchimp", "meta"))


# --- over HTTP


@pytest.fixture
async def edge(settings: Settings) -> AsyncIterator[Process]:
    async with running(settings, BUNDLE) as process:
        await process.circuit.closed.wait()
        process.environment |= {"SECRET": SECRET, "VERIFY_TOKEN": VERIFY_TOKEN}
        del process.http.headers["Authorization"]
        yield process


DELETION = (
    '{"leadGenFormResponse": "urn:li:leadGenFormResponse:1-2", "leadAction": "DELETED",'
    ' "occurredAt": 1769850000000}'
)


@pytest.mark.parametrize(
    "code",
    [
        f"hmacsha256={DELETION}",
        DELETION,
        "",
        CHALLENGE[:-1],
        f"{CHALLENGE}\n",
        f"{CHALLENGE}0",
        f"{{{CHALLENGE}}}",
        f"urn:uuid:{CHALLENGE}",
        CHALLENGE.replace("-", ""),
        CHALLENGE.replace("8", "\u0668"),
        MARKUP,
    ],
)
async def test_linkedin_s_handshake_signs_nothing_but_a_uuid(code: str, edge: Process) -> None:
    path = "/v1/webhooks/linkedin"
    refused = await edge.http.get(path, params={"challengeCode": code})
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    assert mac(code.encode()).hex() not in refused.text
    answered = await edge.http.get(path, params={"challengeCode": CHALLENGE})
    assert answered.json()["challengeResponse"] == mac(CHALLENGE.encode()).hex()


@pytest.mark.parametrize("challenge", [MARKUP, "", "1 2", "x" * 1_001, "\u0661"])
async def test_meta_s_challenge_is_a_plain_word(challenge: str, edge: Process) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": challenge}
    answer = await edge.http.get("/v1/webhooks/meta", params=query)
    assert answer.status_code == 403
    assert MARKUP not in answer.text
