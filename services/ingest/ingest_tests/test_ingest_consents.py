"""What each way in makes of a box for marketing mail, ticked or not, over HTTP.

A box that nobody ticked is no refusal, and it is sent of everybody who passed it over.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping

import pytest
from pydantic import JsonValue

from baton import topics
from baton.events import LeadCaptured
from baton.policy.bundle import Bundle
from ingest.policy.reads import READS
from ingest.senders.kit.delivery import Delivery
from ingest.settings import Settings
from ingest_tests.harness import NOW, TOKEN, Process, running
from ingest_tests.signers import HOOKS, SECRET, WAYS
from ingest_tests.vendors import bundle

PERSON = {"email": "director@example.com"}
MAPPED = {
    "gravity_forms": "kind: gravity_forms, answers: [{to: consent.status, ref: '7.1'}]",
    "jotform": "kind: jotform, answers: [{to: consent.status, ref: q5_newsletter}]",
    "generic": "kind: generic, type_at: type, signs: {by: token, header: x-token}, events:"
    " {enquiry: {becomes: lead, fields: {contact.email: email, consent.status: box}}}",
}
API = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def sources() -> Bundle:
    files = dict(bundle(MAPPED).files)
    files["sources.yaml"] += "  website: {label: Website, kind: api, brand: main}\n"
    return Bundle.parse(files, READS)


@pytest.fixture
async def process(settings_of_its_own: Settings, sources: Bundle) -> AsyncIterator[Process]:
    async with running(settings_of_its_own, sources) as made:
        await made.circuit.closed.wait()
        del made.http.headers["Authorization"]
        yield made


def jotform(**answers: JsonValue) -> str:
    answers |= {"q4_email": "director@example.com"}
    parts = {"formID": "243", "submissionID": "608", "rawRequest": json.dumps(answers)}
    said = (
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    )
    return "".join((*said, "--x--\r\n"))


def webflow(box: JsonValue) -> JsonValue:
    data: JsonValue = {"Email": "director@example.com", "Marketing Opt-In": box}
    payload: JsonValue = {"id": "sub1", "formId": "f1", "name": "Demo", "data": data}
    return {"triggerType": "form_submission", "payload": payload}


def tally(box: JsonValue) -> JsonValue:
    fields: list[JsonValue] = [
        {"key": "q1", "label": "Email", "type": "INPUT_EMAIL", "value": "director@example.com"},
        {"key": "q2", "label": "Opt in", "type": "CHECKBOXES", "value": box},
    ]
    data: JsonValue = {"responseId": "r1", "formId": "f1", "fields": fields}
    return {"eventId": "e1", "eventType": "FORM_RESPONSE", "data": data}


def google(box: str) -> JsonValue:
    columns: list[JsonValue] = [
        {"column_id": "EMAIL", "string_value": "director@example.com"},
        {"column_id": "CONSENT", "column_name": "Consent", "string_value": box},
    ]
    return {"lead_id": "l1", "form_id": 1, "google_key": SECRET, "user_column_data": columns}


def typeform(*, accepted: bool) -> JsonValue:
    answers: list[JsonValue] = [
        {"type": "email", "email": "director@example.com", "field": {"id": "a", "type": "email"}},
        {"type": "boolean", "boolean": accepted, "field": {"id": "b", "type": "legal"}},
    ]
    response: JsonValue = {"form_id": "f1", "token": "t1", "answers": answers}
    return {"event_id": "evt_1", "event_type": "form_response", "form_response": response}


def gravity(box: str) -> JsonValue:
    return {"id": "1", "form_id": "3", "4": "director@example.com", "7.1": box}


CASES: Mapping[str, tuple[str, JsonValue | str, str]] = {
    "Webflow, ticked": ("webflow", webflow(box=True), "granted"),
    "Webflow, not ticked": ("webflow", webflow(box=False), "unknown"),
    "Webflow, not ticked, as a word": ("webflow", webflow("false"), "unknown"),
    "Zapier, ticked": ("zapier", {**PERSON, "Opt In": "true"}, "granted"),
    "Zapier, not ticked": ("zapier", {**PERSON, "Opt In": "false"}, "unknown"),
    "Zapier, a word that says no": ("zapier", {**PERSON, "Opt In": "opted-out"}, "denied"),
    "Make, not ticked": ("make", {**PERSON, "consent": False}, "unknown"),
    "Make, off": ("make", {**PERSON, "consent": "off"}, "unknown"),
    "Contact Form 7, empty": ("contact_form_7", {**PERSON, "optin": ""}, "unknown"),
    "Contact Form 7, a 0": ("contact_form_7", {**PERSON, "optin": "0"}, "unknown"),
    "Gravity Forms, empty": ("gravity_forms", gravity(""), "unknown"),
    "Gravity Forms, a 0": ("gravity_forms", gravity("0"), "unknown"),
    "Gravity Forms, ticked": ("gravity_forms", gravity("1"), "granted"),
    "Jotform, empty": ("jotform", jotform(q5_newsletter=""), "unknown"),
    "Jotform, not ticked": ("jotform", jotform(q5_newsletter="false"), "unknown"),
    "Jotform, a No": ("jotform", jotform(q5_newsletter="NO"), "denied"),
    "Google Ads, not ticked": ("google_ads", google("false"), "unknown"),
    "Tally, not ticked": ("tally", tally(box=False), "unknown"),
    "in the house, not ticked": ("generic", {"type": "enquiry", **PERSON, "box": False}, "unknown"),
    "in the house, a 0": ("generic", {"type": "enquiry", **PERSON, "box": 0}, "unknown"),
    "in the house, null": ("generic", {"type": "enquiry", **PERSON, "box": None}, "unknown"),
    "in the house, a no": ("generic", {"type": "enquiry", **PERSON, "box": "denied"}, "denied"),
    "Typeform, accepted": ("typeform", typeform(accepted=True), "granted"),
    "Typeform, not accepted": ("typeform", typeform(accepted=False), "unknown"),
}


OF_THE_API: Mapping[str, tuple[JsonValue, str]] = {
    "false": (False, "unknown"),
    "a status of false": ({"status": False}, "unknown"),
    "a status of false, as a word": ({"status": "false"}, "unknown"),
    "an empty status": ({"status": ""}, "unknown"),
    "true": (True, "granted"),
    "a status of denied": ({"status": "denied"}, "denied"),
    "unsubscribed": ("unsubscribed", "denied"),
}


async def test_a_box_that_nobody_ticked_is_unknown_and_a_word_that_says_no_is_denied(
    process: Process,
) -> None:
    for case, (kind, payload, _) in CASES.items():
        way = next(way for way in WAYS if way.kind == kind)
        written = payload if isinstance(payload, str) else json.dumps(payload)
        body = written.replace(PERSON["email"], _address(case)).encode()
        type_ = "multipart/form-data; boundary=x" if kind == "jotform" else "application/json"
        given = way.show(Delivery({"content-type": type_}, body, "POST", f"{HOOKS}{kind}"), NOW)
        process.environment["SECRET"] = way.secret
        answer = await process.http.post(
            f"/v1/webhooks/{given.url.removeprefix(HOOKS)}",
            content=given.body,
            headers=dict(given.headers),
        )
        assert answer.status_code in (200, 202), (case, answer.text)
    assert await _statuses(process, CASES) == {case: said for case, (*_, said) in CASES.items()}


async def test_the_api_takes_a_denial_where_it_is_said_and_a_box_for_what_it_is(
    process: Process,
) -> None:
    for case, (consent, _) in OF_THE_API.items():
        document = {"source": "website", "email": _address(case), "consent": consent}
        answer = await process.http.post("/v1/leads", json=document, headers=API)
        assert answer.status_code == 202, (case, answer.text)
    expected = {case: said for case, (_, said) in OF_THE_API.items()}
    assert await _statuses(process, OF_THE_API) == expected


def _address(case: str) -> str:
    return f"{''.join(filter(str.isalnum, case)).lower()}@example.com"


async def _statuses(process: Process, cases: Iterable[str]) -> dict[str, str]:
    """By the case, what was published of the consent."""
    found = {
        event.data.profile.contact.email: event.data.profile.consent.status.value
        for event in await process.events(topics.LEAD_CAPTURED)
        if isinstance(event.data, LeadCaptured)
    }
    return {case: found.get(_address(case), "nothing published") for case in cases}
