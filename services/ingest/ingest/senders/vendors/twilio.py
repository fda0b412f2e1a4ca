"""Twilio's status callbacks of calls (twilio.com/docs/usage/security).

Signing, by the account's auth token: `X-Twilio-Signature` is the base64 of an HMAC-SHA1. It covers
the address with its query, then the name and value of each field of the form, sorted by name and
without separators. Each different value of a repeated field counts once, in order. For a JSON body
the address contains its SHA-256 as `bodySHA256`. With a shared key the HMAC may use SHA-256:
`X-Twilio-Webhooks-Signature-Settings` then has `key=...,algorithm=HMAC_SHA256`.

Id: `CallSid` and `SequenceNumber`. Payload: a form. The lead's number is `From` for an incoming
call, else `To`.
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
    """The form's fields in the form that Twilio signs."""
    try:
        pairs = form_of(delivery)
    except NotUnderstoodError as error:
        raise NotAuthenticError(str(error)) from error
    return "".join(name + text for name, text in sorted(set(pairs))).encode("utf-8", "replace")


def read(source: SalesToolSource, delivery: Delivery) -> list[ItemResult]:
    """The follow-up for one state of a call. Raises NotUnderstoodError."""
    if delivery.media_type == "application/json":
        return [sales.passed(json_of(delivery))]
    form = dict(form_of(delivery))
    call, state = form.get("CallSid"), form.get("CallStatus")
    if not call or not state:
        raise NotUnderstoodError("the form has no CallSid or no CallStatus")
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
    """The schemes for a JSON body and for a form."""
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
            "In Twilio: enter the address as status callback of the phone number or "
            "of the call. The secret is the account's auth token, or the token of "
            "the shared key that signs. Set `BATON_WEBHOOKS_URL`, because Twilio "
            "signs the address."
        ),
        sends="The states of calls, as a form.",
        becomes=(
            "Follow-ups: `contacted` when a person answers, `attempted` when an "
            "outgoing call is not answered, or answered by a machine. Change this "
            "with `outcomes`, by `CallStatus`. `reps` in the source maps your own "
            "phone number to a rep."
        ),
        retries="Twilio tries once more if it could not reach the address.",
    ),
    example=Example(
        "CallSid=CA1&SequenceNumber=0&CallStatus=completed&Direction=outbound-api"
        "&From=%2B15005550006&To=%2B493090182000",
        "application/x-www-form-urlencoded",
    ),
)
