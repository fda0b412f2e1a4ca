"""Clients of Baton's APIs: senders, and reps. They note what they were told, and believe it."""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from pydantic import JsonValue

from tests.chaos.checker.seen import Kind, Outcome, Seen, Sent, Taken
from tests.chaos.deployment import Deployment
from tests.chaos.schedule import PROCESSES, Process
from tests.chaos.workload import SOURCE, Act, Enquiry, reaction

_TRIES = 8
_PATIENCE_S = 2.5
_SHUNNED_S = 1.0
_AT_ONCE = 30
_TAKEN, _DONE, _AWAY = 202, 200, 503


@dataclass
class Clients:
    """`seen` is what they were told. `chance` decides on what no plan can foresee.

    They send while `sending` is set, and take `pauses` times as long as they otherwise would.
    """

    deployment: Deployment
    http: httpx.AsyncClient
    seen: Seen
    chance: random.Random
    sending: asyncio.Event
    pauses: float
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _shunned: dict[str, float] = field(default_factory=dict)

    async def live(self, enquiry: Enquiry) -> None:
        """All that a person does, and has others do again."""
        await self.sending.wait()
        async with self._room:
            first = await self._enquire(enquiry, f"{enquiry.number}-1")
            if enquiry.sent_again:
                await self._enquire(enquiry, f"{enquiry.number}-1", again=first)
        begun = time.monotonic()
        if enquiry.enquires_again is not None:
            await _until(begun + enquiry.enquires_again * self.pauses)
            async with self._room:
                await self._enquire(enquiry, f"{enquiry.number}-2")
        for number, after in enumerate(sorted(enquiry.page_views)):
            await _until(begun + after * self.pauses)
            await self.sending.wait()
            await self._view(enquiry, first, number)

    async def have_room(self) -> None:
        """Once one more could send: who is overloaded is not sent more and more."""
        await self.sending.wait()
        async with self._room:
            return

    async def react(self, routed: Mapping[str, Any]) -> None:
        """What a rep does who has been given a lead; `routed` is the event's data."""
        email = routed["profile"]["contact"]["email"]
        found = reaction(self.seen.seed, email, routed["attempt"])
        if found is None:
            return
        act, after = found
        await asyncio.sleep(after * self.pauses)
        await self.sending.wait()
        async with self._room:
            if act in {Act.ACCEPT, Act.DECLINE}:
                await self._command(act, email, routed)
            else:
                await self._follow_up(act, email, routed)

    async def _enquire(self, enquiry: Enquiry, delivery: str, again: Sent | None = None) -> Sent:
        body = enquiry.body(delivery)
        sent = again or self._note(Kind.LEAD, enquiry.email)
        await self._deliver("/v1/leads", body, sent, gives_up=enquiry.gives_up)
        return sent

    async def _view(self, enquiry: Enquiry, first: Sent, number: int) -> None:
        named: Mapping[str, JsonValue] = {"email": enquiry.email}
        lead_id = None
        if first.answers and number % 2 == 0:
            lead_id = first.answers[0].lead_id
            named = {"lead_id": str(lead_id)}
        sent = self._note(Kind.ACTIVITY, enquiry.email, lead_id=lead_id)
        body = {
            "source": SOURCE,
            "delivery_id": f"{enquiry.number}-view-{number}",
            "type": "page_viewed",
            "subject": f"/page/{number}",
            **named,
        }
        async with self._room:
            await self._deliver("/v1/activities", body, sent, gives_up=enquiry.gives_up)

    async def _follow_up(self, act: Act, email: str, routed: Mapping[str, Any]) -> None:
        lead_id, assignment_id = UUID(routed["lead_id"]), UUID(routed["assignment_id"])
        sent = self._note(Kind.FOLLOWUP, email, lead_id=lead_id, assignment_id=assignment_id)
        body: dict[str, JsonValue] = {
            "source": SOURCE,
            "delivery_id": f"{assignment_id}-{act}",
            "lead_id": str(lead_id),
            "assignment_id": str(assignment_id),
            "rep": routed["rep"]["id"],
            "type": str(act),
        }
        if act is Act.REJECTED:
            body["reason"] = "spam"
        await self._deliver("/v1/followups", body, sent, gives_up=False)

    async def _command(self, act: Act, email: str, routed: Mapping[str, Any]) -> None:
        """Once: who is told nothing looks who has the lead, and does not ask again."""
        lead_id, assignment_id = UUID(routed["lead_id"]), UUID(routed["assignment_id"])
        sent = self._note(Kind(act), email, lead_id=lead_id, assignment_id=assignment_id)
        body: dict[str, JsonValue] = {
            "rep": routed["rep"]["id"],
            "assignment_id": str(assignment_id),
        }
        if act is Act.DECLINE:
            body["reason"] = "not-mine"
        answer = await self._post("routing", f"/v1/leads/{lead_id}/{act}", body)
        sent.tries += 1
        if answer is None or answer.status_code in {_TAKEN, _AWAY}:
            return
        done = answer.status_code == _DONE
        sent.outcome = Outcome.ACCEPTED if done else Outcome.REFUSED

    async def _deliver(
        self, path: str, body: Mapping[str, JsonValue], sent: Sent, *, gives_up: bool
    ) -> None:
        """Send until there is an answer that says something, or patience is over."""
        for number in range(_TRIES):
            answer = await self._post("ingest", path, body)
            sent.tries += 1
            if answer is not None and answer.status_code == _TAKEN:
                taken = Taken.model_validate_json(answer.content)
                sent.answers = (*sent.answers, taken)
                sent.outcome = Outcome.ACCEPTED
                return
            if answer is not None and answer.status_code < _AWAY - 3:
                # An unknown try before it may still have left something.
                sent.outcome = Outcome.REFUSED if number == 0 else sent.outcome
                return
            if gives_up:
                return
            await asyncio.sleep(self.chance.uniform(0.2, 0.5) * (number + 1))

    async def _post(
        self, service: str, path: str, body: Mapping[str, JsonValue]
    ) -> httpx.Response | None:
        """The answer of one of the service's processes; None where there was none."""
        process = self._choose(service)
        url = self.deployment.url(process)
        try:
            answer = await self.http.post(url + path, json=body, timeout=_PATIENCE_S)
        except httpx.TransportError:
            self._shunned[process.name] = time.monotonic() + _SHUNNED_S
            return None
        return answer

    def _choose(self, service: str) -> Process:
        """As a load balancer does: not one that has just failed, if there is another."""
        every = [Process(service, number) for number in range(1, PROCESSES + 1)]
        now = time.monotonic()
        good = [each for each in every if self._shunned.get(each.name, 0) < now]
        return self.chance.choice(good or every)

    def _note(
        self,
        kind: Kind,
        email: str,
        lead_id: UUID | None = None,
        assignment_id: UUID | None = None,
    ) -> Sent:
        sent = Sent(
            kind=kind,
            email=email,
            outcome=Outcome.UNKNOWN,
            tries=0,
            lead_id=lead_id,
            assignment_id=assignment_id,
        )
        self.seen.sent.append(sent)
        return sent


async def _until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - time.monotonic()))
