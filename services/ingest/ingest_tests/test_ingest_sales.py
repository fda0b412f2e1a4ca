"""Events of sales tools become follow-ups, by their usual meaning and by the bundle."""

import json
from datetime import datetime
from typing import Any

import pytest

from baton.policy.bundle import Bundle
from ingest.capture.submissions import FollowupIn
from ingest.policy.reads import READS
from ingest.policy.source import SignedSource
from ingest.policy.sources import sources_of
from ingest.senders.catalogue import sender_of
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.items import Ignored, Item, ItemResult, Unreadable
from ingest_tests.harness import FILES
from ingest_tests.vendors import delivery, form

CALL = [{"kind": "call", "id": "c1"}]
DEAL = [{"kind": "opportunity", "id": "d1"}]


def source(kind: str, said: str = "") -> SignedSource:
    declared = f"{{label: L, brand: main, secret_env: [SECRET], kind: {kind}, {said}}}"
    bundle = Bundle.parse({**FILES, "sources.yaml": f"sources:\n  crm: {declared}\n"}, READS)
    found = sources_of(bundle)["crm"]
    assert isinstance(found, SignedSource)
    return found


def read(kind: str, given: Delivery, said: str = "") -> list[ItemResult]:
    of = source(kind, said)
    return list(sender_of(of).read(of, given))


def followups(kind: str, given: Delivery, said: str = "") -> list[FollowupIn]:
    """The follow-ups that are told, as our own API would take them."""
    found = []
    for item in read(kind, given, said):
        assert isinstance(item, Item), item
        assert item.becomes == "followup"
        found.append(FollowupIn.model_validate({"source": "crm", **item.document}))
    return found


def only(kind: str, given: Delivery, said: str = "") -> FollowupIn:
    (found,) = followups(kind, given, said)
    return found


def named(found: FollowupIn) -> list[dict[str, str]]:
    return [{"kind": each.kind.value, "id": each.id} for each in found.records]


def is_passed_over(kind: str, given: Delivery, said: str = "") -> bool:
    return all(isinstance(item, Ignored) for item in read(kind, given, said))


# --- calls


def aircall(event: str, **data: Any) -> Delivery:
    call: dict[str, Any] = {"id": "c1", "raw_digits": "+4930901820", **data}
    return delivery({"resource": "call", "event": event, "timestamp": 1769850000, "data": call})


@pytest.mark.parametrize(
    ("event", "data", "type_"),
    [
        ("call.answered", {"direction": "outbound"}, "contacted"),
        ("call.created", {"direction": "outbound"}, "attempted"),
        ("call.ended", {"direction": "outbound"}, "attempted"),
        ("call.ended", {"direction": "outbound", "answered_at": 1769850000}, "contacted"),
        ("call.created", {"direction": "inbound"}, "note"),
        ("call.ended", {"direction": "inbound"}, "note"),
    ],
)
def test_who_was_called_and_answered_was_spoken_with(
    event: str, data: dict[str, Any], type_: str
) -> None:
    found = only("aircall", aircall(event, **data))
    assert (found.type.value, found.phone, named(found)) == (type_, "+4930901820", CALL)


def test_a_withheld_number_is_none_and_the_call_names_the_lead() -> None:
    found = only("aircall", aircall("call.ended", raw_digits="anonymous"))
    assert (found.phone, named(found)) == (None, CALL)


def test_a_tag_and_a_comment_of_a_call_go_along() -> None:
    said = "outcomes: {tag: {demo wanted: {type: meeting_booked}}}, ignore: {tag: [vip]}"
    tags = [{"name": "vip"}, {"name": "demo wanted"}]
    assert only("aircall", aircall("call.tagged", tags=tags), said).type.value == "meeting_booked"
    commented = aircall("call.commented", comments=[{"content": "old"}, {"content": "ring again"}])
    assert only("aircall", commented, said).note == "ring again"


def test_of_several_tags_one_may_say_all() -> None:
    tags = [{"name": "won"}, {"name": "nobody explained"}]
    said = "outcomes: {tag: {won: {type: won}}}"
    told = only("aircall", aircall("call.ended", answered_at=1769850000, tags=tags), said)
    assert told.type.value == "won"


def test_a_tag_that_nobody_has_explained_is_not_understood() -> None:
    said = "outcomes: {tag: {demo wanted: {type: meeting_booked}}}"
    with pytest.raises(NotUnderstoodError, match="tag 'new'"):
        read("aircall", aircall("call.tagged", tags=[{"name": "new"}]), said)


def test_reps_are_known_by_what_the_vendor_has_for_them() -> None:
    given = aircall("call.answered", user={"id": 7, "email": "a@example.com"})
    assert only("aircall", given, "reps: {a@example.com: rep-1}").rep == "rep-1"
    assert only("aircall", given, "reps: {'7': rep-1}").rep == "rep-1"
    assert only("aircall", given).rep is None


def twilio(**fields: str) -> Delivery:
    said = {"CallSid": "c1", "From": "+49301", "To": "+4930901820", "Direction": "outbound-api"}
    return form(**said, **fields) if "Direction" not in fields else form(**(said | fields))


@pytest.mark.parametrize(
    ("fields", "type_"),
    [
        ({"CallStatus": "completed"}, "contacted"),
        ({"CallStatus": "completed", "AnsweredBy": "machine_start"}, "attempted"),
        ({"CallStatus": "no-answer"}, "attempted"),
        ({"CallStatus": "busy"}, "attempted"),
        ({"CallStatus": "no-answer", "Direction": "inbound"}, "note"),
    ],
)
def test_the_state_of_a_call_says_whether_somebody_was_reached(
    fields: dict[str, str], type_: str
) -> None:
    found = only("twilio", twilio(**fields))
    number = "+49301" if "Direction" in fields else "+4930901820"
    assert (found.type.value, found.phone, named(found)) == (type_, number, CALL)


@pytest.mark.parametrize("state", ["queued", "ringing", "canceled", "failed"])
def test_a_call_that_was_not_made_says_nothing(state: str) -> None:
    assert is_passed_over("twilio", twilio(CallStatus=state))


def session(code: str, direction: str) -> Delivery:
    party: dict[str, Any] = {
        "id": "p1",
        "direction": direction,
        "from": {"phoneNumber": "+49301"},
        "to": {"phoneNumber": "+4930901820"},
        "status": {"code": code},
    }
    return delivery({"uuid": "u1", "body": {"telephonySessionId": "c1", "parties": [party]}})


@pytest.mark.parametrize(
    ("code", "direction", "type_", "phone"),
    [
        ("Answered", "Outbound", "contacted", "+4930901820"),
        ("Proceeding", "Outbound", "attempted", "+4930901820"),
        ("Answered", "Inbound", "contacted", "+49301"),
        ("VoiceMail", "Inbound", "note", "+49301"),
    ],
)
def test_a_party_of_a_session_is_whoever_is_not_ours(
    code: str, direction: str, type_: str, phone: str
) -> None:
    found = only("ringcentral", session(code, direction))
    assert (found.type.value, found.phone, named(found)) == (type_, phone, CALL)


@pytest.mark.parametrize("code", ["Setup", "Disconnected", "Gone"])
def test_what_comes_before_and_after_a_call_is_passed_over(code: str) -> None:
    assert is_passed_over("ringcentral", session(code, "Outbound"))


@pytest.mark.parametrize("token", ["a\r\nSet-Cookie: b", "x" * 201, ""])
def test_an_echo_that_could_do_harm_is_not_given(token: str) -> None:
    of = source("ringcentral")
    asked = Delivery({"validation-token": token})
    assert sender_of(of).handshake(of, asked, {}) is None


def gong(disposition: str | None, *parties: Any, **more: Any) -> Delivery:
    meta: dict[str, Any] = {
        "id": "c1",
        "sdrDisposition": disposition,
    }
    return delivery({"callData": {"metaData": meta, "parties": list(parties)}, **more})


def test_a_recorded_call_is_of_the_party_that_is_not_ours() -> None:
    ours = {"affiliation": "Internal", "emailAddress": "a@example.com"}
    theirs = {"affiliation": "External", "emailAddress": "b@example.com"}
    found = only("gong", gong(None, ours, theirs), "reps: {a@example.com: rep-1}")
    assert (found.type.value, found.email, found.rep) == ("contacted", "b@example.com", "rep-1")
    assert only("gong", gong("No Answer", theirs)).type.value == "attempted"


def test_what_a_rule_sends_to_try_itself_is_passed_over_whatever_it_says() -> None:
    trial = gong("Nobody explained", isTest=True)
    assert is_passed_over("gong", trial, "outcomes: {sdrDisposition: {Won: {type: won}}}")


# --- meetings


def calendly(event: str, **payload: Any) -> Delivery:
    return delivery(
        {
            "event": event,
            "created_at": "2026-01-31T10:00:00Z",
            "payload": {"uri": "i1", "event": "m1", "email": "a@example.com", **payload},
        }
    )


@pytest.mark.parametrize(
    ("event", "payload", "type_"),
    [
        ("invitee.created", {}, "meeting_booked"),
        ("invitee.created", {"old_invitee": "i0"}, "meeting_moved"),
        ("invitee.canceled", {"cancellation": {"reason": "ill"}}, "note"),
        ("invitee_no_show.created", {"invitee": "i1"}, "meeting_missed"),
    ],
)
def test_a_meeting_is_booked_moved_canceled_or_missed(
    event: str, payload: dict[str, Any], type_: str
) -> None:
    found = only("calendly", calendly(event, **payload))
    assert (found.type.value, found.external_id) == (type_, "i1")


def test_a_booking_says_when_it_is_and_with_whom() -> None:
    scheduled = {
        "start_time": "2026-02-03T09:00:00Z",
        "event_memberships": [{"user_email": "rep@example.com"}],
    }
    given = calendly("invitee.created", scheduled_event=scheduled)
    found = only("calendly", given, "reps: {rep@example.com: rep-1}")
    assert found.starts_at is not None
    assert (found.starts_at.day, found.rep) == (3, "rep-1")


def test_a_cancellation_that_is_one_half_of_a_move_is_passed_over() -> None:
    assert is_passed_over("calendly", calendly("invitee.canceled", rescheduled=True))


# --- HubSpot


def hubspot(type_: str, **event: Any) -> Delivery:
    said: dict[str, Any] = {"eventId": 1, "objectId": "d1", "occurredAt": 1769850000000}
    return delivery([{**said, "subscriptionType": type_, **event}])


def prop(kind: str, name: str, value: str) -> Delivery:
    event = {"propertyName": name, "propertyValue": value}
    return hubspot(f"{kind}.propertyChange", **event)


def test_a_stage_is_what_the_bundle_says_of_it() -> None:
    said = (
        "outcomes: {lifecyclestage: {opportunity: {type: opportunity}},"
        " hs_lead_status: {UNQUALIFIED: {type: rejected, reason: spam}}},"
        " ignore: {lifecyclestage: [subscriber], phone: []}"
    )
    assert only("hubspot", prop("contact", "lifecyclestage", "opportunity"), said).type.value == (
        "opportunity"
    )
    rejected = only("hubspot", prop("contact", "hs_lead_status", "UNQUALIFIED"), said)
    assert (rejected.type.value, rejected.reason) == ("rejected", "spam")
    assert is_passed_over("hubspot", prop("contact", "lifecyclestage", "subscriber"), said)
    assert is_passed_over("hubspot", prop("contact", "phone", "1"), said)


@pytest.mark.parametrize(("name", "value"), [("lifecyclestage", "lead"), ("never_heard_of", "1")])
def test_a_stage_that_nobody_has_explained_is_kept_until_somebody_does(
    name: str, value: str
) -> None:
    said = "outcomes: {lifecyclestage: {opportunity: {type: opportunity}}}"
    (told,) = read("hubspot", prop("contact", name, value), said)
    assert isinstance(told, Unreadable)
    assert name in told.reason


@pytest.mark.parametrize(("stage", "type_"), [("closedwon", "won"), ("closedlost", "lost")])
def test_a_deal_is_its_leads_by_its_record(stage: str, type_: str) -> None:
    found = only("hubspot", prop("deal", "dealstage", stage))
    assert (found.type.value, found.external_id, named(found)) == (type_, None, DEAL)


@pytest.mark.parametrize(
    ("type_", "ends"), [("DEAL_TO_CONTACT", ("d1", "7")), ("CONTACT_TO_DEAL", ("7", "d1"))]
)
def test_an_association_links_a_deal_to_its_contact(type_: str, ends: tuple[str, str]) -> None:
    given = hubspot(
        "deal.associationChange",
        associationType=type_,
        fromObjectId=ends[0],
        toObjectId=ends[1],
    )
    found = only("hubspot", given)
    assert (found.type.value, found.external_id, named(found)) == ("note", "7", DEAL)


def test_of_merged_contacts_each_that_is_gone_is_told_what_lives_on() -> None:
    given = hubspot("contact.merge", primaryObjectId=1, mergedObjectIds=[2, 3], newObjectId=9)
    found = followups("hubspot", given)
    assert [(each.type.value, each.external_id) for each in found] == [
        ("merged", "2"),
        ("merged", "3"),
    ]
    assert all(named(each) == [{"kind": "person", "id": "9"}] for each in found)


def test_a_new_owner_has_the_lead_and_one_whom_nobody_knows_is_not_understood() -> None:
    given = prop("contact", "hubspot_owner_id", "71")
    found = only("hubspot", given, "reps: {'71': rep-1}")
    assert (found.type.value, found.rep) == ("owner_changed", "rep-1")
    (told,) = read("hubspot", given)
    assert isinstance(told, Unreadable)


# --- Salesforce


def change(kind: str, happened: str, **fields: Any) -> Delivery:
    header: dict[str, Any] = {
        "entityName": kind,
        "changeType": happened,
        "recordIds": ["d1"],
        "transactionKey": "k",
        "sequenceNumber": 1,
        "commitTimestamp": 1769850000000,
    }
    return delivery({"ChangeEventHeader": header, **fields})


def test_a_conversion_links_the_contact_and_the_opportunity() -> None:
    given = change(
        "Lead",
        "UPDATE",
        IsConverted=True,
        ConvertedContactId="0031",
        ConvertedOpportunityId="0061",
        OwnerId="005",
    )
    found = only("salesforce", given)
    assert (found.type.value, found.external_id) == ("converted", "d1")
    assert named(found) == [
        {"kind": "person", "id": "0031"},
        {"kind": "opportunity", "id": "0061"},
    ]


@pytest.mark.parametrize(
    ("happened", "fields", "type_"),
    [
        ("CREATE", {"StageName": "Prospecting", "IsClosed": False}, "opportunity"),
        ("UPDATE", {"StageName": "Closed Won", "IsClosed": True, "IsWon": True}, "won"),
        ("UPDATE", {"StageName": "Closed Lost", "IsClosed": True, "IsWon": False}, "lost"),
    ],
)
def test_an_opportunity_is_opened_won_or_lost(
    happened: str, fields: dict[str, Any], type_: str
) -> None:
    given = change("Opportunity", happened, Amount=1200.5, ContactId="0031", **fields)
    found = only("salesforce", given)
    assert (found.type.value, found.external_id, found.amount) == (type_, "0031", "1200.5")
    assert named(found) == DEAL


def test_what_changes_beside_stages_and_owners_is_passed_over() -> None:
    assert is_passed_over("salesforce", change("Lead", "UPDATE", Phone="1"))
    assert is_passed_over("salesforce", change("Opportunity", "UPDATE", NextStep="call"))
    assert is_passed_over("salesforce", change("Lead", "UPDATE", OwnerId="00G1"))


def test_a_new_owner_a_merge_a_meeting_and_a_call_are_told() -> None:
    said = "reps: {'0051': rep-1}"
    assert only("salesforce", change("Lead", "UPDATE", OwnerId="0051"), said).rep == "rep-1"
    merged = only("salesforce", change("Lead", "UPDATE", MasterRecordId="00Q9"))
    assert (merged.type.value, named(merged)) == ("merged", [{"kind": "person", "id": "00Q9"}])
    event = change("Event", "CREATE", WhoId="00Q1", StartDateTime="2026-02-03T09:00:00Z")
    booked = only("salesforce", event)
    assert (booked.type.value, booked.external_id) == ("meeting_booked", "00Q1")
    done = change("Task", "UPDATE", WhoId="00Q1", TaskSubtype="Call", Status="Completed")
    assert only("salesforce", done).type.value == "attempted"


MESSAGE = """<e><n xmlns="http://soap.sforce.com/2005/09/outbound"><Notification><Id>{id}</Id>
<sObject xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="sf:Lead"
 xmlns:sf="urn:s"><sf:Id>00Q1</sf:Id><sf:Email>a@example.com</sf:Email>
<sf:Status>Working</sf:Status><sf:OwnerId>0059</sf:OwnerId>
<sf:LastModifiedDate>2026-01-31T0{id}:00:00Z</sf:LastModifiedDate></sObject></Notification></n></e>
"""


def test_a_message_says_a_status_each_time_and_it_is_told_once() -> None:
    said = "outcomes: {Status: {Working: {type: contacted}}}"
    told = []
    for number in (1, 2):
        xml = Delivery({"content-type": "text/xml"}, MESSAGE.format(id=number).encode())
        lead, status = read("salesforce", xml, said)
        assert isinstance(lead, Item)
        assert isinstance(status, Item)
        assert (lead.becomes, status.document["type"]) == ("lead", "contacted")
        told.append((status.document["delivery_id"], status.document.get("occurred_at")))
    assert told[0] == told[1]


def status_told(number: int, said: str, **fields: str) -> tuple[str | None, datetime | None]:
    """The id and the time of what a message with these fields says of the status."""
    written = "".join(f"<sf:{name}>{text}</sf:{name}>" for name, text in fields.items())
    text = MESSAGE.format(id=number).replace("<sf:Status>", f"{written}<sf:Status>")
    lead, status = read("salesforce", Delivery({"content-type": "text/xml"}, text.encode()), said)
    assert isinstance(lead, Item)
    assert isinstance(status, Item)
    given = FollowupIn.model_validate({"source": "crm", **status.document})
    return given.delivery_id, given.occurred_at


def test_a_status_that_a_recycled_lead_comes_back_to_is_told_again() -> None:
    said = "outcomes: {Status: {Working: {type: contacted}}}, status_since: Since__c"
    since, once_more = "2026-01-31T09:00:00.000Z", "2026-02-05T09:00:00.000Z"
    first = status_told(1, said, Since__c=since)
    other_change = status_told(2, said, Since__c=since)
    come_back = status_told(3, said, Since__c=once_more)
    assert first == other_change
    assert come_back[0] != first[0]
    times = (datetime.fromisoformat(since), datetime.fromisoformat(once_more))
    assert (first[1], come_back[1]) == times
    assert status_told(1, said) == status_told(2, said)


# --- Pipedrive, Outreach, Salesloft


def pipedrive(
    entity: str, action: str, data: dict[str, Any], previous: dict[str, Any] | None = None
) -> Delivery:
    meta: dict[str, Any] = {
        "entity": entity,
        "action": action,
        "correlation_id": "c",
        "entity_id": "d1",
    }
    return delivery({"meta": meta, "data": {"id": "d1", **data}, "previous": previous})


@pytest.mark.parametrize(
    ("data", "previous", "type_"),
    [
        ({"status": "lost", "lost_reason": "price"}, {"status": "open"}, "lost"),
        ({"status": "won", "value": 2}, {"status": "open"}, "won"),
        ({"status": "open", "stage_id": 4}, {"stage_id": 3}, "meeting_held"),
    ],
)
def test_a_deal_changes_its_status_or_its_stage(
    data: dict[str, Any], previous: dict[str, Any], type_: str
) -> None:
    said = "outcomes: {stage_id: {'4': {type: meeting_held}}}"
    found = only("pipedrive", pipedrive("deal", "change", {**data, "person_id": 3}, previous), said)
    assert (found.type.value, found.external_id, named(found)) == (type_, "3", DEAL)


def test_a_deal_whose_title_has_changed_says_nothing() -> None:
    given = pipedrive("deal", "change", {"status": "won", "person_id": 3}, {"title": "old"})
    assert is_passed_over("pipedrive", given)


def test_activities_notes_owners_and_deletions_of_people_are_told() -> None:
    call = {"type": "call", "done": True, "person_id": 3, "note": "nice"}
    made = only("pipedrive", pipedrive("activity", "change", call, {"done": False}))
    assert (made.type.value, made.note, made.external_id) == ("attempted", "nice", "3")
    note = only("pipedrive", pipedrive("note", "create", {"content": "hello", "person_id": 3}))
    assert (note.type.value, note.note) == ("note", "hello")
    owner = pipedrive("person", "change", {"owner_id": 5}, {"owner_id": 4})
    assert only("pipedrive", owner, "reps: {'5': rep-1}").rep == "rep-1"
    assert only("pipedrive", pipedrive("person", "delete", {})).type.value == "deleted"


def outreach(event: str, attributes: dict[str, Any], **related: str) -> Delivery:
    relations: dict[str, Any] = {name: {"type": name, "id": id_} for name, id_ in related.items()}
    data: dict[str, Any] = {"id": "c1", "attributes": attributes, "relationships": relations}
    return delivery({"data": data, "meta": {"eventName": event, "jobId": "j"}})


def test_calls_mailings_stages_and_owners_of_prospects_are_told() -> None:
    call = only("outreach", outreach("call.created", {"outcome": "Answered"}, prospect="7"))
    assert (call.type.value, call.external_id, named(call)) == ("contacted", "7", CALL)
    replied = only("outreach", outreach("mailing.replied", {}, prospect="7"))
    assert (replied.type.value, replied.channel) == ("contacted", "mail")
    said = "outcomes: {stage: {'3': {type: meeting_booked}}}, reps: {'5': rep-1}"
    staged = only("outreach", outreach("prospect.updated", {}, stage="3"), said)
    assert (staged.type.value, staged.external_id) == ("meeting_booked", "c1")
    owned = only("outreach", outreach("prospect.updated", {}, owner="5"), said)
    assert (owned.type.value, owned.rep) == ("owner_changed", "rep-1")
    assert is_passed_over("outreach", outreach("task.completed", {}))


def test_when_an_attempt_was_made_is_not_when_it_happened() -> None:
    told = []
    for minute in (0, 5):
        given = json.loads(outreach("mailing.replied", {}, prospect="7").body)
        given["meta"]["deliveredAt"] = f"2026-01-31T01:{minute:02}:00-08:00"
        told.append(only("outreach", delivery(given)))
    assert told[0] == told[1]
    assert told[0].delivery_id == "j"


def salesloft(event: str, **record: Any) -> Delivery:
    record = {"id": "c1", "updated_at": "2026-01-31T09:00:00Z", "person": {"id": 7}, **record}
    return Delivery({"x-salesloft-event": event}, json.dumps(record).encode())


@pytest.mark.parametrize(
    ("event", "record", "type_"),
    [
        ("call_created", {"disposition": "Connected"}, "contacted"),
        ("call_created", {"disposition": "No Answer"}, "attempted"),
        ("meeting_booked", {"start_time": "2026-02-03T09:00:00Z"}, "meeting_booked"),
        ("meeting_updated", {"no_show": True}, "meeting_missed"),
        ("note_created", {"content": "hello"}, "note"),
    ],
)
def test_what_was_done_with_a_person_is_told(
    event: str, record: dict[str, Any], type_: str
) -> None:
    found = only("salesloft", salesloft(event, **record))
    assert (found.type.value, found.external_id) == (type_, "7")


def test_what_is_about_no_person_is_passed_over() -> None:
    assert is_passed_over("salesloft", salesloft("account_created"))


# --- what the bundle ignores

TAGGED = aircall("call.tagged", answered_at=1769850000, tags=[{"name": "vip"}])
MEETING = {"type": "meeting", "person_id": 3, "due_date": "2026-02-03", "due_time": "09:00"}


@pytest.mark.parametrize(
    ("kind", "given", "ignored"),
    [
        ("gong", gong("Left Voicemail"), "sdrDisposition: [Left Voicemail]"),
        ("gong", gong("Left Voicemail"), "sdrDisposition: []"),
        ("aircall", aircall("call.answered"), "event: [call.answered]"),
        ("aircall", TAGGED, "tag: [vip]"),
        ("twilio", twilio(CallStatus="completed"), "CallStatus: [completed]"),
        ("ringcentral", session("Answered", "Outbound"), "status: [Answered]"),
        ("calendly", calendly("invitee.created", old_invitee="i0"), "event: [invitee.moved]"),
        ("hubspot", prop("deal", "dealstage", "closedwon"), "dealstage: [closedwon]"),
        ("hubspot", prop("contact", "hubspot_owner_id", "7"), "hubspot_owner_id: ['7']"),
        (
            "salesforce",
            change("Task", "UPDATE", CallDisposition="Busy", CallType="x", Status="Completed"),
            "CallDisposition: [Busy]",
        ),
        ("pipedrive", pipedrive("deal", "create", {"stage_id": 1}), "stage_id: ['1']"),
        ("pipedrive", pipedrive("activity", "create", MEETING), "activity: [meeting]"),
        ("outreach", outreach("call.created", {"outcome": "Busy"}), "outcome: [Busy]"),
        ("outreach", outreach("call.created", {"outcome": "Busy"}), "eventName: [call.created]"),
        ("outreach", outreach("opportunity.created", {}, stage="3"), "stage: ['3']"),
        ("salesloft", salesloft("call_created", disposition="Busy"), "disposition: [Busy]"),
        ("salesloft", salesloft("meeting_booked"), "event: [meeting_booked]"),
    ],
)
def test_what_the_bundle_ignores_is_passed_over_and_is_nothing_else_in_its_stead(
    kind: str, given: Delivery, ignored: str
) -> None:
    assert not is_passed_over(kind, given, "reps: {'7': rep-1}")
    assert is_passed_over(kind, given, f"ignore: {{{ignored}}}, reps: {{'7': rep-1}}")


def test_a_field_that_is_not_there_is_not_ignored() -> None:
    assert only("gong", gong(None), "ignore: {sdrDisposition: []}").type.value == "contacted"
    created = outreach("call.created", {}, prospect="7")
    assert only("outreach", created, "ignore: {outcome: []}").type.value == "attempted"


def test_an_ignored_tag_or_stage_says_nothing_of_a_call_s_end_or_of_a_new_owner() -> None:
    ended = aircall("call.ended", answered_at=1769850000, tags=[{"name": "vip"}])
    assert only("aircall", ended, "ignore: {tag: [vip]}").type.value == "contacted"
    owned = outreach("prospect.updated", {}, stage="3", owner="5")
    said = "ignore: {stage: ['3']}, reps: {'5': rep-1}"
    assert only("outreach", owned, said).type.value == "owner_changed"
