"""Ids never change: what `id_vectors.json` holds is what every release must give."""

import hashlib
import json
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import RFC_4122, UUID

import pytest
from aiokafka.partitioner import murmur2
from hypothesis import example, given
from hypothesis import strategies as st

from baton import identity
from baton.identity import UnusableIdentityError
from ingest.capture import events
from ingest.capture.receipt import Receipt
from ingest.capture.submissions import ActivityIn, FollowupIn, LeadIn, Submission
from ingest.policy.source import ApiSource

VECTORS = json.loads(Path(__file__).with_name("id_vectors.json").read_text("utf-8"))["vectors"]
ANSWERS_OF_UNICODE_3_2 = "5369c01883b2cc600ae5e2011e3dcffb66a54b45f29521ba2e9b0733aa3ca5f7"

KINDS: Mapping[str, type[Submission]] = {
    "lead": LeadIn,
    "activity": ActivityIn,
    "followup": FollowupIn,
}


def event_id(arguments: dict[str, Any]) -> UUID:
    """The id that intake gives a delivery of a source that sets no horizons."""
    given = KINDS[arguments["kind"]].model_validate(arguments["document"])
    receipt = Receipt(
        arguments["body"].encode(),
        datetime.fromisoformat(arguments["received"]),
        key=arguments.get("key"),
        part=arguments.get("part", ""),
    )
    source = ApiSource(label="Webinars", kind="api", brand="acme")
    return events.event_id(given, source, UUID(arguments["lead"]), receipt)


CALLS: Mapping[str, Callable[[dict[str, Any]], object]] = {
    "email_identity": lambda a: identity.email_identity(**a),
    "external_identity": lambda a: identity.external_identity(**a),
    "phone_identity": lambda a: identity.phone_identity(**a),
    "lead_id": lambda a: identity.lead_id(bytes.fromhex(a["key"]), a["brand"], *a["identity"]),
    "delivery_event_id": lambda a: identity.delivery_event_id(**read(a)),
    "digest_event_id": lambda a: identity.digest_event_id(**read(a)),
    "event_id": event_id,
    "following_id": lambda a: identity.following_id(**read(a)),
    "named_id": lambda a: identity.named_id(*a["parts"]),
    "shard_of": lambda a: identity.shard_of(a["key"].encode(), a["shards"]),
}
READ: Mapping[str, Callable[[Any], object]] = {
    "lead": UUID,
    "cause": UUID,
    "time": datetime.fromisoformat,
    "received": datetime.fromisoformat,
    "cause_time": datetime.fromisoformat,
    "horizon": lambda seconds: timedelta(seconds=seconds),
    "body": str.encode,
}

LEAD = UUID("3b9d0f0e-7c1d-8a52-9e0b-2f6d3c4b5a69")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
texts = st.text(st.characters(codec="utf-8"))
any_texts = st.text(st.characters())
leads = st.uuids(version=4)
times = st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - its zone follows


def read(arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        name: READ[name](value) if name in READ and value is not None else value
        for name, value in arguments.items()
    }


def milliseconds(event_id: UUID) -> int:
    return event_id.int >> 80


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['function']}: {v['rule']}")
def test_an_id_is_what_it_was_on_the_first_day(vector: dict[str, Any]) -> None:
    call = CALLS[vector["function"]]
    if "refused" in vector:
        with pytest.raises(UnusableIdentityError) as refused:
            call(vector["with"])
        assert str(refused.value) == vector["refused"]
    else:
        given = call(vector["with"])
        assert (
            given == vector["gives"]
            or str(given) == vector["gives"]
            or given == tuple(vector["gives"])
        )


def test_every_public_function_has_vectors() -> None:
    public = {
        name
        for name, thing in vars(identity).items()
        if callable(thing) and getattr(thing, "__module__", "") == "baton.identity"
    }
    public = {name for name in public if not name.startswith("_")} - {"UnusableIdentityError"}
    assert {vector["function"] for vector in VECTORS} == set(CALLS) == public | {"event_id"}


@pytest.mark.long
def test_python_and_idna_may_be_newer_but_answer_the_same_for_each_character_of_unicode_3_2() -> (
    None
):
    """Unicode 3.2 is the one whose list of characters every Python carries unchanged."""
    answers = hashlib.sha256()
    for number in range(0x110000):
        character = chr(number)
        if unicodedata.ucd_3_2_0.category(character) in {"Cn", "Cs", "Co"}:
            continue
        for email in (
            f"a{character}b@example.com",
            f"ab@ex{character}ample.com",
            f"{character}ab@example.com",
        ):
            try:
                answers.update(identity.email_identity(email)[1].encode() + b"\n")
            except UnusableIdentityError:
                answers.update(b"-\n")
    assert answers.hexdigest() == ANSWERS_OF_UNICODE_3_2


@given(local=any_texts, domain=any_texts)
@example(local="J\u030c", domain="example.com")
@example(local="\u0130", domain="\u0130.example")
@example(local="a", domain="example.com.")
def test_an_email_that_was_normalised_stays_as_it_is(local: str, domain: str) -> None:
    try:
        kind, once = identity.email_identity(f"{local}@{domain}")
    except UnusableIdentityError:
        return
    assert kind == "email"
    assert identity.email_identity(once) == ("email", once)


@given(email=any_texts, external_id=any_texts, phone=any_texts, name=any_texts)
@example(email="a@\ud800", external_id="\ud800", phone="\u0665" * 5, name="\udfff")
@example(email="a@xn--a-\udfff.b", external_id="\0", phone="12345", name="\0")
def test_whatever_text_is_sent_it_has_an_id_or_is_unusable(
    email: str, external_id: str, phone: str, name: str
) -> None:
    for call in (
        lambda: identity.email_identity(email),
        lambda: identity.external_identity("crm", external_id),
        lambda: identity.phone_identity("crm", phone, name),
    ):
        try:
            made = identity.lead_id(b"key", "acme", *call())
        except UnusableIdentityError:
            continue
        assert made.version == 8


@given(digits=st.text(st.characters(categories=["Nd"]), min_size=5))
def test_digits_of_any_script_are_the_same_number(digits: str) -> None:
    ascii_digits = "".join(str(int(digit)) for digit in digits)
    assert identity.phone_identity("s", digits, "") == ("phone", "s", ascii_digits, "")


@given(time=times | st.none(), text=texts, body=st.binary())
def test_every_id_is_a_uuid_of_version_8(time: datetime | None, text: str, body: bytes) -> None:
    moment = time or EPOCH
    for made in (
        identity.lead_id(b"key", text, text),
        identity.delivery_event_id(text, text, LEAD, time, body),
        identity.digest_event_id(text, body, LEAD, moment, timedelta(hours=1)),
        identity.following_id(LEAD, moment, text, 0),
        identity.named_id(text),
    ):
        assert (made.version, made.variant) == (8, RFC_4122)


@given(time=times)
@example(time=datetime(1970, 1, 1, 0, 0, 0, 999, tzinfo=UTC))
@example(time=datetime(2038, 1, 19, 3, 14, 8, 999_999, tzinfo=UTC))
@example(time=datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
def test_an_event_id_begins_with_its_time_to_the_millisecond(time: datetime) -> None:
    since = time - EPOCH
    exact = (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
    assert milliseconds(identity.delivery_event_id("s", "d", LEAD, time)) == exact
    assert milliseconds(identity.following_id(LEAD, time, "t", 0)) == exact


@given(received=times, horizon=st.integers(1, 40 * 86_400_000))
def test_a_digest_id_begins_with_the_start_of_its_horizon(received: datetime, horizon: int) -> None:
    made = identity.digest_event_id("s", b"", LEAD, received, timedelta(milliseconds=horizon))
    exact = (received - EPOCH) // timedelta(milliseconds=1)
    assert milliseconds(made) == exact - exact % horizon


@given(one=st.lists(texts), other=st.lists(texts))
@example(one=["a", "b"], other=['a","b'])
@example(one=["a\\", "b"], other=['a\\",\\"b'])
@example(one=[], other=[""])
def test_other_parts_are_another_id(one: list[str], other: list[str]) -> None:
    assert (identity.named_id(*one) == identity.named_id(*other)) == (one == other)


def test_what_makes_a_delivery_another_event() -> None:
    def made(**changes: Any) -> UUID:
        usual: dict[str, Any] = {"source": "s", "delivery_id": "d", "lead": LEAD, "time": EPOCH}
        return identity.delivery_event_id(**(usual | changes))

    ids = [
        made(),
        made(source="t"),
        made(delivery_id="e"),
        made(lead=UUID(int=0)),
        made(time=EPOCH + timedelta(milliseconds=1)),
        made(time=None),
        made(body=b""),
        made(body=b"x"),
        made(part="1"),
    ]
    assert len(set(ids)) == len(ids)


@given(key=st.binary(max_size=80), shards=st.integers(1, 1000))
def test_a_key_goes_to_the_partition_that_kafka_gives_it(key: bytes, shards: int) -> None:
    assert identity.shard_of(key, shards) == (murmur2(key) & 0x7FFFFFFF) % shards


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_a_key_hashes_as_the_tests_of_kafka_itself_say(key: bytes, hashed: int) -> None:
    assert identity.shard_of(key, 1 << 31) == hashed & 0x7FFFFFFF
