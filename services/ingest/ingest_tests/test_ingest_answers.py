"""What a sender reads of a delivery that is not taken, word for word."""

import json
from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import JsonValue

from baton.policy.bundle import Bundle
from ingest.policy.reads import READS
from ingest.settings import Settings
from ingest_tests.harness import FILES, Process, hook_headers, running

LEAD: dict[str, JsonValue] = {"source": "website", "email": "lead@example.com"}
CSV = {"Content-Type": "text/csv"}
MISSING = UUID(int=7)


def lead(**fields: JsonValue) -> bytes:
    return json.dumps({**LEAD, **fields}).encode()


ANSWERS: dict[str, tuple[str, bytes, dict[str, str], dict[str, JsonValue]]] = {
    "a text that is no JSON": (
        "/v1/leads",
        b"{",
        {},
        {
            "status": 400,
            "title": "Broken JSON",
            "detail": "Expecting property name enclosed in double quotes at line 1 column 2",
        },
    ),
    "a value that can't be kept": (
        "/v1/leads",
        lead(more={"note": "A\0"}),
        {},
        {
            "status": 422,
            "title": "Invalid delivery",
            "detail": "more.note has a NUL character",
            "field": "more.note",
        },
    ),
    "a field of the wrong type": (
        "/v1/leads",
        lead(company={"employees": "many"}),
        {},
        {
            "status": 422,
            "title": "Invalid delivery",
            "detail": "company.employees: Input should be a valid integer, unable to parse string "
            "as an integer",
            "field": "company.employees",
        },
    ),
    "a custom field of the wrong type": (
        "/v1/leads",
        lead(custom={"seats": "many"}),
        {},
        {
            "status": 422,
            "title": "Invalid delivery",
            "detail": "must be a whole number, not the text 'many'",
            "field": "custom.seats",
        },
    ),
    "a source that the policy lacks": (
        "/v1/leads",
        lead(source="web"),
        {},
        {
            "status": 422,
            "title": "Invalid delivery",
            "detail": "the policy declares no such source; did you mean 'website'?",
            "field": "source",
        },
    ),
    "nobody": (
        "/v1/leads",
        b'{"source": "website"}',
        {},
        {
            "status": 422,
            "title": "Invalid delivery",
            "detail": "one of email, external_id and phone is needed",
            "field": "email",
        },
    ),
    "a key of the wrong form": (
        "/v1/leads",
        lead(),
        {"Idempotency-Key": "a\tb"},
        {
            "status": 422,
            "title": "Invalid request",
            "detail": "must be 1 to 255 printable ASCII characters",
            "field": "Idempotency-Key",
        },
    ),
    "a body that is too large": (
        "/v1/leads",
        lead(note="x" * 20_000),
        {},
        {"status": 413, "title": "Body too large", "detail": "at most 20000 bytes are taken"},
    ),
    "an encoded body": (
        "/v1/leads",
        b"\x1f\x8b",
        {"Content-Encoding": "gzip"},
        {
            "status": 415,
            "title": "Content-Encoding not supported",
            "detail": "send the body without a Content-Encoding",
            "field": "Content-Encoding",
        },
    ),
    "a table in another charset": (
        "/v1/leads/batch",
        b"email\n",
        {"Content-Type": "text/csv; charset=latin-1"},
        {
            "status": 415,
            "title": "Charset not supported",
            "detail": "send UTF-8, not latin-1",
            "field": "Content-Type",
        },
    ),
    "a table whose header names a field twice": (
        "/v1/leads/batch",
        b"email,email\n",
        CSV,
        {
            "status": 422,
            "title": "Unusable header",
            "detail": "stands twice in the header",
            "field": "email",
        },
    ),
    "a webhook of a source that the policy lacks": (
        "/v1/webhooks/nowhere",
        b"{}",
        {},
        {
            "status": 503,
            "title": "Unknown source",
            "detail": "the policy declares no webhook source 'nowhere': add it to sources.yaml, "
            "or correct the address",
            "retry-after": "5",
        },
    ),
    "a webhook of what no source can be called": (
        "/v1/webhooks/a%20b",
        b"{}",
        {},
        {"status": 404, "title": "Not found", "detail": "no source can have this name"},
    ),
    "a webhook that is not signed": (
        "/v1/webhooks/hooks",
        b"{}",
        {},
        {"status": 401, "title": "Signature refused"},
    ),
    "a replay of nothing": (
        f"/v1/deliveries/{MISSING}/replay",
        b"",
        {},
        {
            "status": 404,
            "title": "No such delivery",
            "detail": f"there is no kept delivery {MISSING}",
        },
    ),
    "a release of nothing": (
        f"/v1/quarantine/{MISSING}/release",
        b'{"by": "ops"}',
        {"Content-Type": "application/json"},
        {
            "status": 404,
            "title": "No such enquiry",
            "detail": f"no enquiry {MISSING} is or was in quarantine",
        },
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_sender_reads_what_is_wrong_and_when_to_send_again(
    name: str, process: Process
) -> None:
    path, body, headers, expected = ANSWERS[name]
    answer = await process.http.post(path, content=body, headers=headers)
    later = (
        {"retry-after": answer.headers["retry-after"]} if "retry-after" in answer.headers else {}
    )
    read = {"status": answer.status_code, **answer.json(), **later}
    assert read.pop("type") == "about:blank"
    assert read == {**read, **expected}
    assert set(read) == {*expected, "detail"}


@pytest.mark.parametrize("path", ["/v1/leads", "/v1/leads/batch", "/v1/webhooks/hooks"])
async def test_without_a_policy_a_sender_is_asked_to_send_again(
    path: str, process: Process
) -> None:
    process.policy.bundle = None
    answer = await process.http.post(path, content=lead(), headers=hook_headers(lead()))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert (answer.json()["title"], answer.json()["detail"]) == (
        "No policy to go by",
        "ingest accepts leads once a bundle is in force that this release can read; "
        "/readyz says more",
    )


async def test_when_the_queue_is_full_a_sender_reads_of_which_queue(
    settings: Settings, bundle: Bundle
) -> None:
    async with running(settings.model_copy(update={"waiting_most": 1}), bundle) as process:
        answers = [
            await process.http.post(
                "/v1/followups",
                json={"source": "crm", "external_id": f"words-{n}", "type": "contacted"},
            )
            for n in range(2)
        ]
    refused = answers[1].json()
    assert (refused["status"], answers[1].headers["retry-after"]) == (503, "5")
    assert refused["title"] == "Too much waits"
    assert refused["detail"].endswith("`baton waiting list` shows the queue")


async def test_an_event_over_the_bound_is_refused_wherever_it_comes_in(
    settings: Settings, bundle: Bundle
) -> None:
    # The time-outs are no part of this test: a body of a megabyte takes long on a slow machine.
    long = timedelta(minutes=1)
    wide = settings.model_copy(
        update={"body_limit": 4_000_000, "answer_within": long, "database_wait": long}
    )
    much = {"more": "x" * 1_100_000}
    hook = json.dumps({"type": "form.submitted", "data": {"email": "a@example.com", **much}})
    async with running(wide, bundle) as process:
        single = await process.http.post("/v1/leads", content=lead(**much))
        batch = await process.http.post("/v1/leads/batch", content=lead(**much) + b"\n" + lead())
        unnamed = {"source": "crm", "external_id": "much-1", "type": "contacted", **much}
        followup = await process.http.post("/v1/followups", json=unnamed)
        body = hook.encode()
        webhook = await process.http.post(
            "/v1/webhooks/hooks", content=body, headers=hook_headers(body)
        )
    for answer in (single, followup):
        problem = answer.json()
        assert (problem["status"], problem["title"]) == (413, "Too much in one delivery")
        assert problem["detail"].endswith("bytes, over the bound")
        assert "retry-after" not in answer.headers
    first, second = map(json.loads, batch.text.splitlines())
    assert (first["state"], first["problem"]["status"]) == ("refused", 413)
    assert second["state"] in ("published", "spooled")
    assert "results" in webhook.json(), webhook.text
    (kept,) = webhook.json()["results"]
    assert (webhook.status_code, kept["state"]) == (202, "kept")


async def test_a_replay_reads_that_its_source_is_gone(process: Process) -> None:
    body = b'{"type": "form.submitted", "data": {}}'
    headers = hook_headers(body, id_="msg_of_a_source_that_goes")
    sent = await process.http.post("/v1/webhooks/hooks", content=body, headers=headers)
    (kept,) = sent.json()["results"]
    sources = FILES["sources.yaml"].replace("  hooks:\n", "  other-hooks:\n")
    process.policy.bundle = Bundle.parse(FILES | {"sources.yaml": sources}, READS)
    answer = await process.http.post(f"/v1/deliveries/{kept['delivery']}/replay")
    assert answer.status_code == 409
    assert answer.json()["title"] == "Unknown source"
    assert "retry-after" not in answer.headers
