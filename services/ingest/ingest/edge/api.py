"""Intake's HTTP interface. Bodies are read raw, bounded, and validated once."""

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

from baton.problems import Problem
from ingest import documents
from ingest.capture import submissions
from ingest.capture.erasures import Erasures
from ingest.capture.intake import Intake
from ingest.capture.origin import source_of
from ingest.capture.receipt import Receipt
from ingest.capture.submissions import (
    ActivityIn,
    ErasureIn,
    FollowupIn,
    LeadIn,
    PersonIn,
    Submission,
)
from ingest.edge import bodies, openapi
from ingest.edge.admission import Admission
from ingest.edge.answers import result_json
from ingest.edge.batches import Batch, BatchResponse
from ingest.edge.problems import as_problems
from ingest.edge.webhooks import Webhooks
from ingest.metrics import IngestMetrics
from ingest.publish.bulk_backpressure import Pace
from ingest.senders.kit.delivery import Delivery
from ingest.settings import Settings

Model = TypeVar("Model", bound=BaseModel)
Answer = TypeVar("Answer")

_KEY = re.compile(r"[\x20-\x7e]{1,255}")


def router(
    intake: Intake,
    erasures: Erasures,
    admission: Admission,
    pace: Pace,
    bounds: bodies.Bounds,
    settings: Settings,
    metrics: IngestMetrics,
) -> APIRouter:
    """The routes that demand the deployment's token."""
    routes = APIRouter(prefix="/v1")

    async def read(
        body: bytes,
        key: str | None,
        model: type[Model],
        take: Callable[[Model, Receipt], Awaitable[Answer]],
    ) -> Answer:
        submission = submissions.read(model, documents.read(body))
        if isinstance(submission, Submission):
            source = source_of(submission, intake.bundle())
            admission.count_arrival(submission.source, source.rate_limit)
        return await take(submission, intake.receipt(body, key))

    async def read_and(
        request: Request,
        model: type[Model],
        take: Callable[[Model, Receipt], Awaitable[Answer]],
    ) -> Answer:
        with _refusing(metrics):
            key = _key(request)
            async with admission.reading() as share:
                body = await bodies.read_body(request, bounds, share.add)
                return await admission.answered(partial(read, body, key, model, take))

    @routes.post("/leads", tags=["leads"], **openapi.taking(LeadIn, openapi.LEAD))
    async def lead(request: Request) -> JSONResponse:
        """A person left an enquiry."""
        result = await read_and(request, LeadIn, intake.lead)
        return JSONResponse(result_json(result), 202)

    @routes.post("/leads/batch", tags=["leads"], **openapi.taking_lines())
    async def batch(request: Request) -> StreamingResponse:
        """Enquiries, one a line, any number. The answer has a line for each, in their order.

        As NDJSON, or by `Content-Type: text/csv` as CSV (UTF-8): its header names the fields
        (`email`, `contact.job_title`, `custom.seats`). An empty cell is an absent field. The
        delimiter is a comma, a semicolon or a tab. Other columns are kept as sent.

        Blank lines are passed over. A line's `state` is `published`, `spooled` or, where a rule of
        the policy holds it back, `quarantined` (all three: taken), `refused` (change it: `problem`
        says how) or `failed` (send it again). The answer goes out while the batch comes in. An
        empty line in it is a sign of life: the batch is held back for as long as its readers are
        behind. Where the rest of a batch does not come, a last line says that the one from which on
        nothing was taken has `failed`. Sending a batch again is safe: its leads are the same
        events.
        """
        with _refusing(metrics), ExitStack() as admitted:
            admitted.enter_context(admission.batch())
            taking = Batch(intake, pace, request, _key(request), settings, admission.record_arrival)
            await taking.begin()
            leave = admitted.pop_all().close
        return BatchResponse(taking.results(), leave)

    @routes.post("/activities", tags=["activities"], **openapi.taking(ActivityIn, openapi.ACTIVITY))
    async def activity(request: Request) -> JSONResponse:
        """A person engaged with us. Name the lead by `lead_id`, or as the enquiry did.

        As for a follow-up, one whom nobody has captured yet is waited for.
        """
        result = await read_and(request, ActivityIn, intake.activity)
        return JSONResponse(result_json(result), 202)

    @routes.post("/followups", tags=["followups"], **openapi.taking(FollowupIn, openapi.FOLLOWUP))
    async def followup(request: Request) -> JSONResponse:
        """A follow-up of a rep or the CRM. Name the lead by `lead_id`, or by the same fields as in
        its enquiry. Without an email, the first known of `external_id`, `records` and `phone`
        identifies the lead: known from its enquiries or from an earlier follow-up. If none is known
        yet, the `state` is `waiting`, and the follow-up takes effect as soon as one becomes known.
        """
        result = await read_and(request, FollowupIn, intake.followup)
        return JSONResponse(result_json(result), 202)

    @routes.post("/privacy/erasures", tags=["privacy"], **openapi.erasing())
    async def erasure(request: Request) -> JSONResponse:
        """Have everything forgotten that is held on a person up to now.

        A phone finds the lead of an enquiry that had nothing else, with the same name.
        """
        results = await read_and(request, ErasureIn, erasures.take)
        return JSONResponse({"results": [result_json(result) for result in results]}, 202)

    @routes.post("/privacy/leads", tags=["privacy"], **openapi.looking_up())
    async def leads_of_person(request: Request) -> JSONResponse:
        """Every lead that a person may be: whom an erasure with the same words would forget."""
        found = await read_and(request, PersonIn, lambda person, _: erasures.leads_of(person))
        return JSONResponse({"lead_ids": [str(lead_id) for lead_id in found]})

    return routes


def webhook_router(
    webhooks: Webhooks, admission: Admission, bounds: bodies.Bounds, metrics: IngestMetrics
) -> APIRouter:
    """The routes that signatures protect."""
    routes = APIRouter(prefix="/v1")

    async def take(source: str, request: Request) -> Response:
        with _refusing(metrics):
            try:
                with as_problems():
                    async with admission.reading() as share:
                        body = await bodies.read_body(request, bounds, share.add)
                        delivery = _delivery(webhooks, request, body)
                        reply = await admission.answered(partial(webhooks.take, source, delivery))
            except Problem as problem:
                raise webhooks.not_now(source, problem) from problem
        return Response(reply.body, reply.status, reply.headers, reply.media_type)

    @routes.post("/webhooks/{source}", tags=["webhooks"], **openapi.taking_webhooks())
    async def webhook(source: str, request: Request) -> Response:
        """A delivery of a source in `sources.yaml`, signed as its vendor signs. An authentic
        delivery that cannot be read is stored (`state` is `kept`) until the mapping is corrected;
        the vendor need not send it again.
        """
        return await take(source, request)

    @routes.post("/webhooks/{source}/{secret:path}", tags=["webhooks"], **openapi.taking_webhooks())
    async def webhook_with_secret(
        source: str,
        secret: str,  # noqa: ARG001 - the delivery's address has it
        request: Request,
    ) -> Response:
        """The same, for vendors that can show their secret in the address alone."""
        return await take(source, request)

    @routes.get("/webhooks/{source}", tags=["webhooks"], **openapi.greeting())
    async def handshake(source: str, request: Request) -> Response:
        """The vendor's request when its webhook is set up."""
        return await take(source, request)

    @routes.options("/webhooks/{source}", tags=["webhooks"], **openapi.greeting())
    async def permission(source: str, request: Request) -> Response:
        """Whether a vendor may send, as CloudEvents' senders ask."""
        return await take(source, request)

    routes.get("/webhooks/{source}/{secret:path}", include_in_schema=False)(handshake)
    routes.options("/webhooks/{source}/{secret:path}", include_in_schema=False)(permission)
    return routes


def _delivery(webhooks: Webhooks, request: Request, body: bytes) -> Delivery:
    """The request, with the rest of its address as it was sent: escapes may be signed too."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope["query_string"]
    rest = raw.partition(b"/webhooks/")[2] + (b"?" + query if query else b"")
    headers = dict(request.headers)
    return webhooks.delivery(request.method, rest.decode("latin-1"), headers, body)


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise Problem(
            422,
            "Invalid request",
            "must be 1 to 255 printable ASCII characters",
            field="Idempotency-Key",
        )
    return key


@contextmanager
def _refusing(metrics: IngestMetrics) -> Iterator[None]:
    """Answer what is refused with its problem, and count it by its status."""
    try:
        with as_problems():
            yield
    except Problem as problem:
        metrics.refused.labels(str(problem.body.status)).inc()
        raise
