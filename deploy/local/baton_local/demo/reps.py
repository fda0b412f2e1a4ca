"""The reps of the demo, who accept, decline and answer their leads."""

import asyncio
from collections.abc import Mapping
from random import Random

import httpx

from baton.events import LeadRouted
from baton_local.demo.asking import ask
from baton_local.demo.cast import Handling
from baton_local.demo.sending import Sender
from baton_local.errors import StackError

_IN_ORDER = frozenset({200, 202, 409})
"""409: on a busy machine somebody else may have the lead by now."""


class Reps:
    """Read `lead-routed` as a CRM would, and answer by routing's API, a CRM's and a telephone's."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        settings: Mapping[str, str],
        handling: Mapping[str, Handling],
        sender: Sender,
    ) -> None:
        """`handling` is by the lead's email; a lead that it does not name is handled promptly."""
        self._client = client
        self._url = settings["BATON_ROUTING_URL"]
        self._headers = {"Authorization": f"Bearer {settings['BATON_API_TOKEN']}"}
        self._handling = handling
        self._sender = sender
        self._busy = 0

    @property
    def busy(self) -> bool:
        """Whether one of them is at a lead."""
        return self._busy > 0

    async def handle(self, routed: LeadRouted) -> None:
        """Do what is to be done with a lead. Returns when the rep is through with it."""
        self._busy += 1
        try:
            await self._handle(routed)
        finally:
            self._busy -= 1

    async def _handle(self, routed: LeadRouted) -> None:
        pace = Random(routed.profile.contact.email or "")  # noqa: S311 - variety, not secrecy
        await asyncio.sleep(pace.uniform(0.4, 1.0))
        match self._way(routed):
            case Handling.DECLINED:
                await self._decline(routed, "wrong-territory")
            case Handling.DECLINED_BY_ALL:
                await self._decline(routed, "wrong-segment")
            case Handling.FORGOTTEN:
                await self._accept(routed)
            case Handling.LATE:
                await self._accept(routed)
                await asyncio.sleep(pace.uniform(3.0, 3.8))
                await self._contact(routed)
            case Handling.PROMPT:
                await self._accept(routed)
                await asyncio.sleep(pace.uniform(0.6, 1.4))
                await self._contact(routed)

    def _way(self, routed: LeadRouted) -> Handling:
        way = self._handling.get(routed.profile.contact.email or "", Handling.PROMPT)
        first = routed.attempt == 1 or way is Handling.DECLINED_BY_ALL
        return way if first else Handling.PROMPT

    async def _accept(self, routed: LeadRouted) -> None:
        body = {"rep": routed.rep.id, "assignment_id": str(routed.assignment_id)}
        await self._ask(routed, "accept", body)

    async def _decline(self, routed: LeadRouted, reason: str) -> None:
        body = {
            "rep": routed.rep.id,
            "assignment_id": str(routed.assignment_id),
            "reason": reason,
        }
        await self._ask(routed, "decline", body)

    async def _ask(self, routed: LeadRouted, action: str, body: Mapping[str, str]) -> None:
        url = f"{self._url}/v1/leads/{routed.lead_id}/{action}"
        asking = self._client.build_request("POST", url, json=body, headers=self._headers)
        answer = await ask(self._client, asking)
        if answer.status_code not in _IN_ORDER:
            raise StackError(
                f"routing answers {action} with {answer.status_code}: {answer.text[:300]}"
            )

    async def _contact(self, routed: LeadRouted) -> None:
        """Half of them call, half write."""
        email, delivery_id = routed.profile.contact.email, f"contact-{routed.assignment_id}"
        if email and routed.assignment_id.int % 2:
            await self._sender.call(email, routed.rep.id, delivery_id)
        else:
            await self._sender.contacted(
                routed.lead_id, routed.assignment_id, routed.rep.id, delivery_id
            )
