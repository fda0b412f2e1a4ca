"""Leads by signed webhooks: forms of a shop, by Standard Webhooks, each a delivery of its own."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from itertools import count

from tests.bench import leads
from tests.bench.client import Client
from tests.bench.deployment import Deployment
from tests.bench.ways import Load, all_taken


class SignedWebhooks:
    """To the source that the default policy has for that."""

    name = "signed webhooks"
    at_once = 1
    _path = "/v1/webhooks/webshop-forms"
    _names = count()

    def __init__(self, deployment: Deployment, client: Client) -> None:
        self._deployment = deployment
        self._client = client
        self._key = base64.b64decode(deployment.told["BATON_WEBSHOP_FORMS_SECRET"])

    def load(self, wanted: int) -> Load:
        name = f"form{next(self._names)}"
        bodies = [_form(name, number) for number in range(wanted)]

        async def send(number: int) -> bool:
            headers = self._signed(f"{name}-{number}", bodies[number])
            return all_taken(await self._client.post(self._path, bodies[number], headers), 1)

        policy, id_key = self._deployment.policy, self._deployment.id_key
        return Load(send, [[leads.key(name, n, policy, id_key)] for n in range(wanted)])

    def _signed(self, delivery_id: str, body: bytes) -> dict[str, str]:
        timestamp = str(int(time.time()))
        signed = f"{delivery_id}.{timestamp}.".encode() + body
        signature = base64.b64encode(hmac.new(self._key, signed, hashlib.sha256).digest()).decode()
        return {
            "webhook-id": delivery_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{signature}",
        }


def _form(name: str, number: int) -> bytes:
    """What `leads.body` says, as the shop says it."""
    said = json.loads(leads.body(name, number))
    company = said["company"]
    data = {
        **said["contact"],
        "customer_id": said["delivery_id"],
        "company": company["name"],
        "employees": company["employees"],
        "form": said["request"]["form_id"],
        "message": said["request"]["message"],
        "utm": {"source": "newsletter", "medium": "email", "campaign": "spring"},
    }
    event = {"type": "form.submitted", "timestamp": datetime.now(UTC).isoformat(), "data": data}
    return json.dumps(event, separators=(",", ":")).encode()
