"""RingCentral's webhooks of telephony sessions (developers.ringcentral.com, Webhooks).

Signing: none; the header `Verification-Token` has the token of the subscription. While somebody
creates a subscription, a request with `Validation-Token` expects this header in the answer.

Id: `uuid`. Payload: `body.parties`, each with `direction`, `from`, `to` and a `status.code`. The
session's id is the call's id. The lead's number is `from` for an incoming call, else `to`.
"""

import re
from collections.abc import Iterator

from pydantic import JsonValue

from baton.events import FollowupType
from ingest.policy.vendors import SalesToolSource
from ingest.senders.kit import sales
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import ItemResult, read_each
from ingest.senders.kit.payloads import list_at, path, text_at
from ingest.senders.kit.places import Header
from ingest.senders.kit.sender import Environment, Example, Guide, Reply, Sender, ok, signed_by
from ingest.senders.kit.signing import Token

_VALIDATION = "validation-token"
_ECHOED = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_OUTGOING: sales.Known = {
    "Setup": None,
    "Proceeding": FollowupType.ATTEMPTED,
    "Answered": FollowupType.CONTACTED,
}
_INCOMING: sales.Known = {
    "Answered": FollowupType.CONTACTED,
    "VoiceMail": FollowupType.NOTE,
}


def handshake(
    source: SalesToolSource,  # noqa: ARG001 - a sender's
    delivery: Delivery,
    environment: Environment,  # noqa: ARG001 - as above
) -> Reply | None:
    """The answer with the `Validation-Token` of a new subscription."""
    validation_token = delivery.headers.get(_VALIDATION)
    if validation_token is None or delivery.body or not _ECHOED.fullmatch(validation_token):
        return None
    return Reply(200, headers={"Validation-Token": validation_token})


def read(source: SalesToolSource, delivery: Delivery) -> Iterator[ItemResult]:
    """The follow-up for each party of the call. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    call = text_at(payload, path("body.telephonySessionId"))
    if call is None:
        raise NotUnderstoodError("the event has no telephony session with parties")
    parties = list_at(payload, path("body.parties"))
    return read_each(parties, lambda party: [_read_one(source, payload, call, party)])


def _read_one(
    source: SalesToolSource, payload: JsonValue, call: str, party: JsonValue
) -> ItemResult:
    came_in = text_at(party, ("direction",)) == "Inbound"
    code = text_at(party, path("status.code"))
    known = _INCOMING if came_in else _OUTGOING
    outcome = sales.outcome(source, "status", code, {str(code): known.get(str(code))})
    if outcome is None:
        return sales.passed(party)
    theirs, own_side = ("from", "to") if came_in else ("to", "from")
    users = (text_at(party, ("extensionId",)), text_at(party, (own_side, "phoneNumber")))
    draft = FollowupDraft(
        delivery_id=text_at(payload, ("uuid",)),
        occurred_at=text_at(payload, ("timestamp",)),
        phone=text_at(party, (theirs, "phoneNumber")),
        rep=sales.rep(source, *users),
        channel="phone",
        records=sales.records(call=call),
        answers=party if isinstance(party, dict) else {},
    )
    return sales.followup(draft, outcome, part=text_at(party, ("id",)) or "")


SENDER = Sender(
    kind="ringcentral",
    source=SalesToolSource,
    signing=signed_by(Token(Header("verification-token"))),
    reading=read,
    handshake=handshake,
    answer=ok,
    guide=Guide(
        name="RingCentral",
        enter=(
            "Create a subscription with RingCentral's API, `POST "
            "/restapi/v1.0/subscription`. Enter the address, the secret as "
            "`verificationToken`, and telephony sessions as event filter."
        ),
        sends="Each change of a call's parties.",
        becomes=(
            "Follow-ups: `contacted` when a party answers, `attempted` when a party "
            "is called, and a `note` for an incoming voice mail. Change this with "
            "`outcomes`, by `status` (its code). Baton ignores everything else. "
            "`reps` in the source maps the extension's id or number to a rep."
        ),
        retries=(
            "RingCentral retries for 15 minutes after any answer except 200, then "
            "it puts the subscription on its blacklist. Baton answers RingCentral "
            "with 200."
        ),
    ),
    example=Example(
        '{"uuid": "u1", "timestamp": "2026-01-31T09:00:00Z", "body": {"telephonySessionId": "s-1",'
        ' "parties": [{"id": "p-1", "direction": "Outbound", "to": {"phoneNumber":'
        ' "+493090182000"}, "status": {"code": "Answered"}}]}}'
    ),
)
