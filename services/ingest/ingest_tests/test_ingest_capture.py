"""From a delivery to its event: ids, times, brands, custom fields."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import JsonValue, ValidationError

from baton.events import ActivityType, ConsentStatus, FollowupType
from baton.policy.bundle import Bundle
from ingest.capture import events, origin
from ingest.capture.receipt import Receipt
from ingest.capture.submissions import (
    ActivityIn,
    ErasureIn,
    FollowupIn,
    LeadIn,
    PassedOnErasure,
    Submission,
)
from ingest.errors import RejectedError
from ingest.policy.reads import READS
from ingest.policy.sources import sources_of
from ingest_tests.harness import FILES

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEAD = UUID("00000000-0000-8000-8000-00000000abcd")
OTHER = UUID("00000000-0000-8000-8000-00000000dcba")
BODY = b'{"source": "website"}'
RECEIPT = Receipt(body=BODY, received_at=NOW)


def lead(**said: JsonValue) -> LeadIn:
    return LeadIn.model_validate({"source": "website", **said})


def activity(type_: str = "page_viewed", **said: JsonValue) -> ActivityIn:
    return ActivityIn.model_validate({"source": "website", "type": type_, **said})


def followup(type_: str = "contacted", **said: JsonValue) -> FollowupIn:
    return FollowupIn.model_validate({"source": "website", "type": type_, **said})


def id_of(
    given: Submission, bundle: Bundle, receipt: Receipt = RECEIPT, named: UUID = LEAD
) -> UUID:
    return events.event_id(given, sources_of(bundle)[given.source], named, receipt)


def test_the_senders_id_makes_the_event_whatever_the_body(bundle: Bundle) -> None:
    given = lead(delivery_id="d1")
    again = replace(RECEIPT, body=b"other", received_at=NOW + timedelta(days=90), key="k")
    assert id_of(given, bundle) == id_of(given, bundle, again)
    assert id_of(given, bundle) != id_of(lead(delivery_id="d2"), bundle)


def test_a_senders_id_used_again_for_someone_else_is_another_event(bundle: Bundle) -> None:
    given = lead(delivery_id="d1")
    assert id_of(given, bundle) != id_of(given, bundle, named=OTHER)


def test_a_key_with_the_same_body_is_the_same_event(bundle: Bundle) -> None:
    keyed = replace(RECEIPT, key="k")
    later = replace(keyed, received_at=NOW + timedelta(days=90))
    assert id_of(lead(), bundle, keyed) == id_of(lead(), bundle, later)


def test_a_key_with_another_body_is_another_event(bundle: Bundle) -> None:
    keyed = replace(RECEIPT, key="k")
    assert id_of(lead(), bundle, keyed) != id_of(lead(), bundle, replace(keyed, body=b"other"))


def test_without_id_and_time_the_same_body_within_the_horizon_is_the_same_event(
    bundle: Bundle,
) -> None:
    assert sources_of(bundle)["website"].retry_horizon == timedelta(hours=1)
    soon = replace(RECEIPT, received_at=NOW + timedelta(minutes=59))
    past = replace(RECEIPT, received_at=NOW + timedelta(hours=1))
    assert id_of(lead(), bundle) == id_of(lead(), bundle, soon)
    assert id_of(lead(), bundle) != id_of(lead(), bundle, past)


def test_a_body_with_a_time_of_its_own_is_the_same_event_whenever_it_comes(bundle: Bundle) -> None:
    given = lead(occurred_at="2026-03-01T08:00:00Z")
    later = replace(RECEIPT, received_at=NOW + timedelta(days=90))
    assert id_of(given, bundle) == id_of(given, bundle, later)
    assert id_of(given, bundle) != id_of(given, bundle, replace(RECEIPT, body=b"other"))


def test_an_events_id_begins_with_the_senders_time(bundle: Bundle) -> None:
    given = lead(occurred_at="2026-03-01T08:00:00Z")
    milliseconds = int(datetime(2026, 3, 1, 8, tzinfo=UTC).timestamp() * 1_000)
    assert id_of(given, bundle).int >> 80 == milliseconds


def test_the_parts_of_a_delivery_are_different_events(bundle: Bundle) -> None:
    given = lead(delivery_id="d1")
    assert id_of(given, bundle) != id_of(given, bundle, replace(RECEIPT, part="2"))


TOLD_APART: list[tuple[dict[str, JsonValue], str | None]] = [
    ({"delivery_id": "d1"}, None),
    ({"delivery_id": "d1", "occurred_at": "2026-03-01T08:00:00Z"}, None),
    ({}, "k"),
    ({"occurred_at": "2026-03-01T08:00:00Z"}, None),
    ({}, None),
]
"""Everything by which an event's id is made: the sender's id, a key, its time, its body alone."""


@pytest.mark.parametrize(("said", "key"), TOLD_APART)
@pytest.mark.parametrize("part", ["", "2"])
def test_each_kind_and_each_type_is_a_fact_of_its_own_under_one_delivery_id(
    said: dict[str, JsonValue], key: str | None, part: str, bundle: Bundle
) -> None:
    receipt = replace(RECEIPT, key=key, part=part)
    facts: list[Submission] = [
        lead(**said),
        *(activity(each.value, **said) for each in ActivityType),
        *(followup(each.value, **said) for each in FollowupType),
    ]
    assert len({id_of(each, bundle, receipt) for each in facts}) == len(facts)


@pytest.mark.parametrize(("said", "key"), TOLD_APART)
def test_the_same_delivery_of_any_kind_again_is_the_same_event(
    said: dict[str, JsonValue], key: str | None, bundle: Bundle
) -> None:
    first = replace(RECEIPT, key=key, part="2")
    again = replace(first, received_at=NOW + timedelta(seconds=59), traceparent="another")
    for given in (lead(**said), activity("other", **said), followup("won", **said)):
        assert id_of(given, bundle, first) == id_of(given, bundle, again)


@pytest.mark.parametrize("given", [activity(), followup()])
def test_without_id_key_and_time_the_same_words_three_minutes_later_are_another_fact(
    given: Submission, bundle: Bundle
) -> None:
    later = replace(RECEIPT, received_at=NOW + timedelta(minutes=3))
    assert id_of(given, bundle) != id_of(given, bundle, later)
    assert id_of(lead(), bundle) == id_of(lead(), bundle, later)


@pytest.mark.parametrize("given", [activity(), followup()])
def test_a_repetition_is_told_by_minutes_of_the_clock_so_a_retry_across_their_edge_is_another_fact(
    given: Submission, bundle: Bundle
) -> None:
    before, within, across = (
        replace(RECEIPT, received_at=NOW + timedelta(seconds=seconds)) for seconds in (1, 59, 60)
    )
    assert id_of(given, bundle, before) == id_of(given, bundle, within)
    assert id_of(given, bundle, within) != id_of(given, bundle, across)


def test_a_source_may_say_for_how_long_the_same_words_are_a_repetition() -> None:
    said = FILES["sources.yaml"].replace("retry_horizon: 1h}", "repeat_horizon: 1h}")
    bundle = Bundle.parse(FILES | {"sources.yaml": said}, READS)
    later = replace(RECEIPT, received_at=NOW + timedelta(minutes=59))
    for given in (activity(), followup()):
        assert id_of(given, bundle) == id_of(given, bundle, later)


def test_a_bundle_from_before_there_was_a_repeat_horizon_has_one_of_a_minute(
    bundle: Bundle,
) -> None:
    assert "repeat_horizon" not in FILES["sources.yaml"]
    horizons = {source.repeat_horizon for source in sources_of(bundle).values()}
    assert horizons == {timedelta(minutes=1)}


def test_an_erasure_is_one_of_its_own_each_time_unless_it_has_a_key() -> None:
    later = replace(RECEIPT, received_at=NOW + timedelta(seconds=1))
    given = ErasureIn(lead_id=LEAD, why="asked")
    ids = [events.erasure_id(LEAD, given, each) for each in (RECEIPT, later)]
    keyed = [events.erasure_id(LEAD, given, replace(each, key="k")) for each in (RECEIPT, later)]
    assert ids[0] != ids[1]
    assert keyed[0] == keyed[1]


@pytest.mark.parametrize(
    "told",
    [
        {"delivery_id": "d1", "occurred_at": "2026-03-01T08:00:00Z"},
        {"delivery_id": "d1"},
        {"occurred_at": "2026-03-01T08:00:00Z"},
    ],
)
def test_an_erasure_that_is_passed_on_again_is_the_same(told: dict[str, str]) -> None:
    given = PassedOnErasure.model_validate({"source": "website", "why": "asked", **told})
    later = replace(RECEIPT, received_at=NOW + timedelta(hours=6))
    first, second = (events.erasure_id(LEAD, given, each) for each in (RECEIPT, later))
    assert first == second
    up_to = {events.erased(LEAD, given, each).occurred_at for each in (RECEIPT, later)}
    assert len(up_to) == (1 if "occurred_at" in told else 2)


def test_an_erasure_never_reaches_beyond_its_receipt() -> None:
    ahead = PassedOnErasure(source="website", why="w", occurred_at=NOW + timedelta(hours=1))
    assert events.erased(LEAD, ahead, RECEIPT).occurred_at == NOW


@pytest.mark.parametrize("told", ["0001-01-01T00:00:00Z", "2026-03-01T08:00:00", "soon"])
def test_an_erasure_with_a_time_that_means_nothing_reaches_up_to_its_receipt(told: str) -> None:
    document = {"source": "website", "why": "asked", "occurred_at": told}
    given = PassedOnErasure.model_validate(document)
    assert events.erased(LEAD, given, RECEIPT).occurred_at == NOW


def test_an_undeclared_source_is_refused_with_what_may_be_meant(bundle: Bundle) -> None:
    with pytest.raises(RejectedError, match="did you mean 'website'") as refused:
        origin.source_of(lead(source="websit"), bundle)
    assert refused.value.field == "source"


def test_the_brand_is_the_sources_unless_it_is_given(bundle: Bundle) -> None:
    source = sources_of(bundle)["website"]
    assert origin.brand_of(None, source, bundle) == "main"
    assert origin.brand_of("second", source, bundle) == "second"


def test_a_brand_that_no_source_has_is_refused(bundle: Bundle) -> None:
    with pytest.raises(RejectedError) as refused:
        origin.brand_of("mian", sources_of(bundle)["website"], bundle)
    assert refused.value.field == "brand"


@pytest.mark.parametrize(
    "said",
    [
        {"email": "a@example.com", "first_name": "Ada", "phone": "030 901820"},
        {"contact": {"email": "a@example.com", "first_name": "Ada", "phone": "030 901820"}},
        {"email": "a@example.com", "contact": {"first_name": "Ada", "phone": "030 901820"}},
    ],
)
def test_the_contact_may_stand_at_the_top(said: dict[str, JsonValue], bundle: Bundle) -> None:
    data = events.captured(lead(**said), "main", LEAD, bundle, RECEIPT)
    contact = data.profile.contact
    assert (contact.email, contact.first_name) == ("a@example.com", "Ada")
    who = origin.person_of(lead(**said), "main", sources_of(bundle)["website"])
    assert (who.email, who.phone, who.name) == ("a@example.com", "030 901820", "Ada")


def test_what_is_said_twice_must_be_the_same() -> None:
    with pytest.raises(ValidationError, match=r"email and contact\.email differ"):
        lead(email="a@example.com", contact={"email": "b@example.com"})


def test_the_profiles_email_is_written_as_the_leads_id_has_it(bundle: Bundle) -> None:
    data = events.captured(lead(email=" Ada@EXAMPLE.com"), "main", LEAD, bundle, RECEIPT)
    assert data.profile.contact.email == "ada@example.com"


def test_fields_that_nobody_declared_are_kept_under_their_paths(bundle: Bundle) -> None:
    given = lead(
        answers={"colour": "red"},
        shoe_size=43,
        contact={"email": "a@example.com", "nickname": "A"},
        company={"tags": ["x", {"y": 1}]},
        custom={"seats": 5, "planet": "Mars"},
    )
    data = events.captured(given, "main", LEAD, bundle, RECEIPT)
    assert data.answers == {
        "colour": "red",
        "shoe_size": 43,
        "contact.nickname": "A",
        "company.tags": ["x", {"y": 1}],
        "custom.planet": "Mars",
    }
    assert data.profile.custom == {"seats": 5}


def test_a_custom_field_is_typed_as_the_bundle_declares_it(bundle: Bundle) -> None:
    typed, _ = events.custom_fields({"seats": "12"}, bundle.definitions)
    assert typed == {"seats": 12}
    nothing, _ = events.custom_fields({"seats": " "}, bundle.definitions)
    assert nothing == {}


def test_a_custom_value_of_the_wrong_type_is_refused_by_its_field(bundle: Bundle) -> None:
    with pytest.raises(RejectedError) as refused:
        events.custom_fields({"seats": "many"}, bundle.definitions)
    assert refused.value.field == "custom.seats"


AHEAD = timedelta(minutes=5)


@pytest.mark.parametrize(
    "time", ["2026-03-02T12:05:01Z", "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z"]
)
def test_a_time_that_can_not_be_is_refused(time: str) -> None:
    with pytest.raises(RejectedError) as refused:
        origin.check_time(lead(occurred_at=time), RECEIPT, AHEAD)
    assert refused.value.field == "occurred_at"


def test_a_clock_that_is_a_little_ahead_is_put_right() -> None:
    given = lead(occurred_at="2026-03-02T12:04:59Z")
    origin.check_time(given, RECEIPT, AHEAD)
    assert origin.happened_at(given, RECEIPT) == NOW


def test_a_webhooks_clock_is_put_right_however_far_it_is_ahead() -> None:
    given, receipt = lead(occurred_at="2036-01-01T00:00:00Z"), replace(RECEIPT, strict=False)
    origin.check_time(given, receipt, AHEAD)
    assert origin.happened_at(given, receipt) == NOW


@pytest.mark.parametrize("time", ["2026-03-02T12:00:00", "0001-01-01T00:00:00+14:00", "yesterday"])
def test_a_time_must_be_one_with_an_offset(time: str) -> None:
    with pytest.raises(ValidationError):
        lead(occurred_at=time)


@pytest.mark.parametrize("type_", ["declined", "rejected"])
def test_a_lead_is_given_back_for_a_reason_of_the_bundle(type_: str, bundle: Bundle) -> None:
    reasons = {"declined": "not-mine", "rejected": "spam"}
    wrong = reasons["rejected" if type_ == "declined" else "declined"]

    def followup(reason: str) -> FollowupIn:
        return FollowupIn.model_validate({"source": "crm", "type": type_, "reason": reason})

    data = events.followup(followup(reasons[type_]), "main", LEAD, bundle.definitions, RECEIPT)
    assert data.reason == reasons[type_]
    with pytest.raises(RejectedError) as refused:
        events.followup(followup(wrong), "main", LEAD, bundle.definitions, RECEIPT)
    assert refused.value.field == "reason"


def test_a_followup_keeps_all_that_was_said(bundle: Bundle) -> None:
    said: dict[str, JsonValue] = {
        "rep": "rep-1",
        "assignment_id": str(OTHER),
        "channel": "phone",
        "disposition": "interested",
        "note": "call again",
        "amount": "12500.00",
        "currency": "EUR",
        "starts_at": "2026-03-03T09:00:00Z",
        "external_id": "00Q1",
        "records": [{"kind": "opportunity", "id": "0061"}],
    }
    given = FollowupIn.model_validate({"source": "crm", "type": "won", **said, "mood": "good"})
    data = events.followup(given, "main", LEAD, bundle.definitions, RECEIPT)
    assert data.model_dump(mode="json", include=set(said)) == said
    assert (data.brand, data.answers) == ("main", {"mood": "good"})


def test_an_activity_keeps_all_that_was_said(bundle: Bundle) -> None:
    given = ActivityIn.model_validate(
        {"source": "website", "type": "mail_clicked", "subject": "/p", "bot": True, "ip": "::1"}
    )
    data = events.activity(given, LEAD, bundle.definitions, RECEIPT)
    assert (data.subject, data.bot, data.answers) == ("/p", True, {"ip": "::1"})


def test_consent_is_unknown_unless_it_is_said(bundle: Bundle) -> None:
    data = events.captured(lead(), "main", LEAD, bundle, RECEIPT)
    assert data.profile.consent.status is ConsentStatus.UNKNOWN
