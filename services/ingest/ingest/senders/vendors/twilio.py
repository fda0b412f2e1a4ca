"""Twilio's status callbacks of calls (twilio.com/docs/usage/security).

Signing, by the account's auth token: `X-Twilio-Signature` is the base64 of an HMAC-SHA1 over the
address with its query and, behind it, each field of the form in the order of the names, name and
value without anything between. Of a field that is sent with several values, each counts once, in
order. A body of JSON is signed by its SHA-256, which stands in the address as `bodySHA256`. By a
shared key the HMAC may be of SHA-256 as well: `X-Twilio-Webhooks-Signature-Settings` then has
`key=...,algorithm=HMAC_SHA256`.

Id: `CallSid` and `SequenceNumber`. Payload: a form; the number is `From` of a call that came in,
else `To`.
"""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from baton.events import FollowupType
from ingest.policy.vendors import SalesToolSource
from ingest.senders.kit import sales
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft
from ingest.senders.kit.formats import form_of, json_of
from ingest.senders.kit.items import ItemResult
from ingest.senders.kit.payloads import composite
from ingest.senders.kit.places import Header, HeaderItem, NotAuthenticError, Parameter, Place, url
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import Signature, in_base64

_DIGEST = Parameter("bodySHA256")
_ALGORITHM = HeaderItem("x-twilio-webhooks-signature-settings", "algorithm", between=",")
_STATES: sales.Known = {
    "completed": FollowupType.CONTACTED,
    "in-progress": FollowupType.CONTACTED,
    "busy": FollowupType.ATTEMPTED,
    "no-answer": FollowupType.ATTEMPTED,
    "queued": None,
    "initiated": None,
    "ringing": None,
    "canceled": None,
    "failed": None,
}
_PLACED = frozenset({"CallSid", "SequenceNumber", "Timestamp", "From", "To", "Caller", "Called"})
_MACHINE = "machine"


def fields(delivery: Delivery) -> bytes:
    """The form's fields as they are signed."""
    try:
        pairs = form_of(delivery)
    except NotUnderstoodError as error:
        raise NotAuthenticError(str(error)) from error
    return "".join(name + text for name, text in sorted(set(pairs))).encode("utf-8", "replace")


def read(source: SalesToolSource, delivery: Delivery) -> list[ItemResult]:
    """What became of the call. Raises NotUnderstoodError."""
    if delivery.media_type == "application/json":
        return [sales.passed(json_of(delivery))]
    form = dict(form_of(delivery))
    call, state = form.get("CallSid"), form.get("CallStatus")
    if not call or not state:
        raise NotUnderstoodError("it has no CallSid, or no CallStatus")
    outcome = sales.outcome(source, "CallStatus", state, _STATES)
    if outcome is None:
        return [sales.passed(dict(form))]
    if form.get("AnsweredBy", "").startswith(_MACHINE):
        outcome = outcome.model_copy(update={"type": FollowupType.ATTEMPTED})
    came_in = form.get("Direction") == "inbound"
    if came_in and outcome.type is FollowupType.ATTEMPTED:
        outcome = outcome.model_copy(update={"type": FollowupType.NOTE})
    draft = FollowupDraft(
        delivery_id=composite(call, form.get("SequenceNumber")).replace("/", ":"),
        occurred_at=_time(form.get("Timestamp")),
        phone=form.get("From" if came_in else "To"),
        rep=sales.rep(source, form.get("To" if came_in else "From")),
        channel="phone",
        records=sales.records(call=call),
        answers={name: text for name, text in form.items() if text and name not in _PLACED},
    )
    return [sales.followup(draft, outcome)]


def _time(text: str | None) -> str | None:
    try:
        return parsedate_to_datetime(text or "").isoformat()
    except ValueError:
        return None


def _schemes(algorithm: str, *only_if: tuple[Place, str | None]) -> Iterator[Signature]:
    """Of JSON and of a form."""
    signature = Header("x-twilio-signature")
    yield Signature(
        at=signature,
        signs=(url,),
        written=in_base64,
        algorithm=algorithm,
        only_if=[(_DIGEST, None), *only_if],
        body_digest=_DIGEST,
    )
    yield Signature(
        at=signature,
        signs=(url, fields),
        written=in_base64,
        algorithm=algorithm,
        only_if=only_if,
    )


SENDER = Sender(
    kind="twilio",
    source=SalesToolSource,
    signing=signed_by(
        *_schemes("sha256", (_ALGORITHM, "HMAC_SHA256")),
        *_schemes("sha1"),
    ),
    reading=read,
    guide=Guide(
        name="Twilio",
        enter=(
            "The address as status callback of the number, or of the call. The secret is the "
            "account's auth token, or that of the shared key that signs. `BATON_WEBHOOKS_URL` must "
            "be set, since the address is signed."
        ),
        sends="The states of calls, as a form.",
        becomes=(
            "`contacted` when somebody answered, `attempted` when an outgoing call was not "
            "answered, or by a machine. `outcomes` may say otherwise, by `CallStatus`. `reps` by "
            "our own number."
        ),
        retries="Once, if the address could not be reached.",
    ),
    example=Example(
        "CallSid=CA1&SequenceNumber=0&CallStatus=completed&Direction=outbound-api"
        "&From=%2B15005550006&To=%2B493090182000",
        "application/x-www-form-urlencoded",
    ),
)
