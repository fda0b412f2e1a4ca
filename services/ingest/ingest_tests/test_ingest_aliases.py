"""The alias keeper: what it keeps of a lead, in which order whatever comes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from baton.cloudevents import Event
from baton.events import (
    ActivityType,
    Contact,
    FollowupType,
    LeadActivity,
    LeadCaptured,
    LeadErased,
    LeadEvent,
    LeadFollowup,
    Profile,
    Record,
    RecordKind,
)
from baton.policy.bundle import Bundle
from baton.runtime.inputs import CommandInput, EventInput, TimerInput
from baton.subjects import Subject
from ingest.identity.alias_store import AliasReads, AliasStore
from ingest.identity.aliases import (
    Alias,
    AliasKind,
    AliasName,
    Forget,
    NotForAliasesError,
    decide,
    name_by_external_id,
    name_by_phone,
)
from ingest_tests.harness import Process

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)
PATIENCE = timedelta(seconds=10)


def given(data: LeadEvent) -> EventInput:
    return EventInput(Event(UUID(int=9), "/test", NOW, str(data.lead_id), data))


def captured(external_id: str | None = None, phone: str | None = None) -> EventInput:
    profile = Profile(
        brand="main", source="crm", external_id=external_id, contact=Contact(phone=phone)
    )
    return given(LeadCaptured(lead_id=ONE, occurred_at=NOW, received_at=NOW, profile=profile))


def test_a_captured_lead_is_known_by_its_record_and_its_phone(bundle: Bundle) -> None:
    decision = decide(None, None, captured(" 00Q1 ", "+49 (30) 901820"), bundle, NOW)
    assert decision.state is None
    assert decision.rows == (
        Alias(AliasName(AliasKind.EXTERNAL_ID, "main", "crm", "00Q1"), ONE, NOW),
        Alias(AliasName(AliasKind.PHONE, "main", "", "4930901820"), ONE, NOW),
    )


def test_a_phone_that_was_understood_is_known_by_its_number_and_as_it_was_sent(
    bundle: Bundle,
) -> None:
    profile = Profile(brand="main", source="crm", contact=Contact(phone="+4930901820"))
    data = LeadCaptured(
        lead_id=ONE,
        occurred_at=NOW,
        received_at=NOW,
        profile=profile,
        as_sent={"contact.phone": "030 901820"},
    )
    assert decide(None, None, given(data), bundle, NOW).rows == (
        Alias(AliasName(AliasKind.PHONE, "main", "", "4930901820"), ONE, NOW),
        Alias(AliasName(AliasKind.PHONE, "main", "", "030901820"), ONE, NOW),
    )


@pytest.mark.parametrize("nothing", [None, "", "  ", "n/a"])
def test_what_is_no_name_is_not_kept(nothing: str | None, bundle: Bundle) -> None:
    blank = nothing if nothing != "n/a" else None
    assert decide(None, None, captured(blank, nothing), bundle, NOW).rows == ()


def followup(type_: FollowupType, **fields: Any) -> EventInput:
    return given(
        LeadFollowup(
            lead_id=ONE, occurred_at=NOW, received_at=NOW, source="crm", type=type_, **fields
        )
    )


def test_a_lead_is_known_by_the_records_that_a_crm_links_to_it(bundle: Bundle) -> None:
    converted = followup(
        FollowupType.CONVERTED,
        brand="main",
        external_id="00Q1",
        records=(
            Record(kind=RecordKind.PERSON, id="0031"),
            Record(kind=RecordKind.OPPORTUNITY, id="0061"),
        ),
    )
    assert set(decide(None, None, converted, bundle, NOW).rows) == {
        Alias(AliasName(AliasKind.EXTERNAL_ID, "main", "crm", "00Q1"), ONE, NOW),
        Alias(AliasName(AliasKind.EXTERNAL_ID, "main", "crm", "0031"), ONE, NOW),
        Alias(AliasName(AliasKind.OPPORTUNITY, "main", "crm", "0061"), ONE, NOW),
    }


def test_a_record_that_lives_on_after_a_merge_is_the_leads_if_it_is_nobody_elses(
    bundle: Bundle,
) -> None:
    merged = followup(
        FollowupType.MERGED,
        brand="main",
        external_id="7",
        records=(Record(kind=RecordKind.PERSON, id="5"),),
    )
    assert set(decide(None, None, merged, bundle, NOW).rows) == {
        Alias(AliasName(AliasKind.EXTERNAL_ID, "main", "crm", "7"), ONE, NOW),
        Alias(AliasName(AliasKind.EXTERNAL_ID, "main", "crm", "5"), ONE, NOW, own=False),
    }


def test_what_our_own_api_tells_of_a_lead_links_nothing(bundle: Bundle) -> None:
    assert decide(None, None, followup(FollowupType.ACCEPTED), bundle, NOW).rows == ()


def test_an_erasure_forgets_up_to_its_time(bundle: Bundle) -> None:
    up_to = NOW - timedelta(hours=1)
    erased = LeadErased(lead_id=ONE, occurred_at=up_to, requested_by="api", why="asked")
    assert decide(None, None, given(erased), bundle, NOW).rows == (Forget(ONE, up_to, NOW),)


def test_there_are_no_timers_commands_and_other_events(bundle: Bundle) -> None:
    subject = Subject.lead(ONE)
    activity = LeadActivity(
        lead_id=ONE,
        occurred_at=NOW,
        received_at=NOW,
        source="crm",
        type=ActivityType.PAGE_VIEWED,
    )
    for other, named in (
        (TimerInput(TWO, subject, "expire", NOW), "no timer 'expire'"),
        (CommandInput(TWO, subject, "rename", None, NOW), "no command 'rename'"),
        (given(activity), "baton.lead.activity.v1"),
    ):
        with pytest.raises(NotForAliasesError, match=named):
            decide(None, None, other, bundle, NOW)


def name(value: str, source: str = "crm") -> AliasName:
    found = name_by_external_id("main", source, value)
    assert found is not None
    return found


async def save(process: Process, *rows: Alias | Forget) -> None:
    async with process.pool.acquire() as db:
        await AliasStore().save(db, rows, None)  # type: ignore[arg-type]  # a proxy of it


async def leads(process: Process, of: AliasName) -> list[UUID]:
    return list((await AliasReads(process.pool, PATIENCE).leads_of([of]))[of])


async def test_the_lead_that_was_seen_last_comes_first(process: Process) -> None:
    of = name("last")
    await save(process, Alias(of, ONE, NOW), Alias(of, TWO, NOW - timedelta(1)))
    assert await leads(process, of) == [ONE, TWO]
    await save(process, Alias(of, TWO, NOW + timedelta(1)))
    assert await leads(process, of) == [TWO, ONE]


async def test_who_has_a_record_for_its_own_comes_before_who_was_merged_into_it(
    process: Process,
) -> None:
    of = name("survivor")
    later = NOW + timedelta(1)
    await save(process, Alias(of, ONE, NOW), Alias(of, TWO, later, own=False))
    assert await leads(process, of) == [ONE, TWO]
    await save(process, Alias(of, TWO, NOW))
    assert await leads(process, of) == [TWO, ONE]


async def test_what_comes_late_does_not_make_it_older(process: Process) -> None:
    of = name("late")
    await save(process, Alias(of, ONE, NOW), Alias(of, TWO, NOW + timedelta(1)))
    await save(process, Alias(of, TWO, NOW - timedelta(1)))
    assert await leads(process, of) == [TWO, ONE]


async def test_one_batch_may_tell_the_same_twice(process: Process) -> None:
    of = name("twice")
    await save(
        process,
        Alias(of, ONE, NOW + timedelta(2)),
        Alias(of, TWO, NOW + timedelta(1)),
        Alias(of, ONE, NOW),
    )
    assert await leads(process, of) == [ONE, TWO]


async def test_a_record_means_something_to_its_source_alone(process: Process) -> None:
    await save(process, Alias(name("own"), ONE, NOW))
    assert await leads(process, name("own", source="website")) == []


async def test_a_phone_is_the_same_whoever_sends_it(process: Process) -> None:
    phone = name_by_phone("main", "+49 30 333333")
    assert phone is not None
    assert phone == name_by_phone("main", "+49-30-333333")
    assert phone != name_by_phone("second", "+49 30 333333")
    await save(process, Alias(phone, ONE, NOW))
    assert await leads(process, phone) == [ONE]


async def test_forgetting_leaves_what_came_later_and_what_is_others(process: Process) -> None:
    of = name("forget")
    later = name("later")
    await save(
        process,
        Alias(of, ONE, NOW),
        Alias(of, TWO, NOW),
        Alias(later, ONE, NOW + timedelta(seconds=1)),
        Forget(ONE, NOW, NOW),
    )
    assert await leads(process, of) == [TWO]
    assert await leads(process, later) == [ONE]


def record_of(value: str) -> AliasName:
    return AliasName(AliasKind.EXTERNAL_ID, "main", "crm", value)


async def same_person(process: Process, aliases: list[Alias], lead_id: UUID) -> set[UUID]:
    async with process.pool.acquire() as db:
        await AliasStore().save(db, aliases, None)  # type: ignore[arg-type]  # a proxy of it
    return set(await AliasReads(process.pool, PATIENCE).same_person([lead_id]))


async def test_leads_that_share_a_persons_record_are_one_person_over_several_records(
    process: Process,
) -> None:
    one, two, three, four = (UUID(int=n) for n in range(101, 105))
    phone = AliasName(AliasKind.PHONE, "main", "", "4930777")
    aliases = [
        Alias(record_of("chain-a"), one, NOW),
        Alias(record_of("chain-a"), two, NOW),
        Alias(record_of("chain-b"), two, NOW),
        Alias(record_of("chain-b"), three, NOW),
        Alias(phone, one, NOW),
        Alias(phone, four, NOW),
    ]
    assert await same_person(process, aliases, one) == {one, two, three}


async def test_a_record_that_everybody_shares_is_nobodys(process: Process) -> None:
    """A form that sends a constant must not have everybody forgotten with one."""
    leads = [UUID(int=200 + n) for n in range(21)]
    shared = [Alias(record_of("constant"), lead, NOW) for lead in leads]
    assert await same_person(process, shared[:20], leads[0]) == set(leads[:20])
    assert await same_person(process, shared[20:], leads[0]) == {leads[0]}
