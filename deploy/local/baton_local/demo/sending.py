"""Sends deliveries to ingest as their senders would, and holds it to its answers."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import httpx
from pydantic import BaseModel, ValidationError

from baton_local.demo import documents
from baton_local.demo.asking import ask
from baton_local.demo.documents import Document
from baton_local.demo.ledger import Ledger
from baton_local.demo.plan import Delivery, Kind, Plan
from baton_local.errors import StackError

FORMS = "webshop-forms"
SURVEYS = "typeform"

_ACCEPTED = 202
_AT_ONCE = 16


class _Result(BaseModel):
    lead_id: UUID
    event_id: UUID


class _Several(BaseModel):
    results: tuple[_Result, ...]


class _Line(BaseModel):
    """Of a batch's answer; a line that was refused has a problem instead."""

    state: str
    lead_id: UUID | None = None
    event_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request of a delivery."""

    path: str
    body: bytes
    headers: Mapping[str, str]


class Sender:
    """Ingest's clients: our own forms by the API, a webshop and Typeform by their webhooks."""

    def __init__(
        self, client: httpx.AsyncClient, settings: Mapping[str, str], ledger: Ledger
    ) -> None:
        """`told` is what the services were told: addresses, the token, the secrets."""
        self._client = client
        self._url = settings["BATON_INGEST_URL"]
        self._bearer = {"Authorization": f"Bearer {settings['BATON_API_TOKEN']}"}
        self._forms_secret = settings["BATON_WEBSHOP_FORMS_SECRET"]
        self._surveys_secret = settings["BATON_TYPEFORM_SECRET"]
        self._ledger = ledger
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def send_all(self, plan: Plan) -> None:
        """Each at its time. Raises StackError for an answer that is not as it should be."""
        begun = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for delivery in plan.deliveries:
                await asyncio.sleep(begun + delivery.at - time.monotonic())
                tasks.create_task(self._send(delivery))

    async def call(self, email: str, rep: str, delivery_id: str) -> None:
        """The telephone system tells of a rep's call, by the webshop's hook."""
        document = documents.call_completed(email, rep, datetime.now(UTC))
        await self._post(self._signed(document, delivery_id))

    async def contacted(
        self, lead_id: UUID, assignment_id: UUID, rep: str, delivery_id: str
    ) -> None:
        """A CRM tells of a rep's contact with a lead."""
        document = documents.contacted(str(lead_id), str(assignment_id), rep, delivery_id)
        await self._post(self._by_api("followups", document))

    async def _send(self, delivery: Delivery) -> None:
        async with self._room:
            request = self._request(delivery)
            begun = time.monotonic()
            refused = None if delivery.kind is Kind.BATCH else delivery.refused
            answer = await self._post(request, refused or _ACCEPTED)
            results = _results(delivery, answer)
            if delivery.twice and _results(delivery, await self._post(request)) != results:
                raise StackError(f"{delivery.id} was sent twice, and became two events")
        ledger = self._ledger
        ledger.deliveries += 1
        ledger.twice += delivery.twice
        ledger.accepted[delivery.kind] += len(results)
        if delivery.refused:
            ledger.refused[delivery.refused] += len(delivery.people) - len(results)
        if delivery.kind.enquiry:
            ledger.enquiries |= {result.event_id: result.lead_id for result in results}
            ledger.sent_at |= {result.event_id: begun for result in results}

    async def _post(self, request: Request, expected: int = _ACCEPTED) -> httpx.Response:
        url, headers = self._url + request.path, request.headers
        posting = self._client.build_request("POST", url, content=request.body, headers=headers)
        answer = await ask(self._client, posting)
        if answer.status_code != expected:
            raise StackError(
                f"ingest answers POST {request.path} with {answer.status_code}: {answer.text[:300]}"
            )
        return answer

    def _request(self, delivery: Delivery) -> Request:
        person, about, id_ = delivery.people[0], delivery.about, delivery.id
        now = datetime.now(UTC)
        match delivery.kind:
            case Kind.LEAD:
                return self._by_api(
                    "leads",
                    documents.lead(
                        person, about, id_, consents=delivery.consents, test=delivery.test
                    ),
                )
            case Kind.BATCH:
                lines = (
                    documents.lead(one_person, about, f"{id_}-{number}")
                    for number, one_person in enumerate(delivery.people)
                )
                return self._by_api("leads/batch", *lines)
            case Kind.ACTIVITY:
                return self._by_api("activities", documents.activity(person, about, id_))
            case Kind.FORM:
                document = documents.form_submitted(person, about, now)
                return self._signed(document, id_, forged=delivery.forged)
            case Kind.PAGE_VIEW:
                return self._signed(documents.page_viewed(person, about, now), id_)
            case Kind.SURVEY:
                return self._survey(documents.survey(person, id_, now))

    def _by_api(self, path: str, *documents: Document) -> Request:
        return Request(f"/v1/{path}", b"\n".join(map(_json, documents)), self._bearer)

    def _signed(self, document: Document, id_: str, *, forged: bool = False) -> Request:
        """As standardwebhooks.com has it."""
        body, timestamp = _json(document), str(int(time.time()))
        key = b"somebody else's" if forged else base64.b64decode(self._forms_secret)
        signature = _hmac(key, f"{id_}.{timestamp}.".encode() + body)
        headers = {
            "webhook-id": id_,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{signature}",
        }
        return Request(f"/v1/webhooks/{FORMS}", body, headers)

    def _survey(self, document: Document) -> Request:
        """As typeform.com/developers/webhooks has it."""
        body = _json(document)
        signature = _hmac(self._surveys_secret.encode(), body)
        return Request(
            f"/v1/webhooks/{SURVEYS}", body, {"typeform-signature": f"sha256={signature}"}
        )


def _results(delivery: Delivery, answer: httpx.Response) -> list[_Result]:
    """The results of a delivery; empty if it was refused. Raises StackError for an answer of
    another form.
    """
    if answer.status_code != _ACCEPTED:
        return []
    try:
        match delivery.kind:
            case Kind.BATCH:
                lines = map(_Line.model_validate_json, answer.text.splitlines())
                return [_Result.model_validate(line.model_dump()) for line in lines if line.lead_id]
            case Kind.LEAD | Kind.ACTIVITY:
                return [_Result.model_validate_json(answer.content)]
            case _:
                return list(_Several.model_validate_json(answer.content).results)
    except ValidationError as error:
        text = answer.text[:300]
        raise StackError(f"ingest's answer to {delivery.id} is not understood: {text}") from error


def _json(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _hmac(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
