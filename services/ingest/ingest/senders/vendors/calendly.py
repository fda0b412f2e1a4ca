"""Calendly's webhooks (developer.calendly.com, Webhook signatures).

Signing: `Calendly-Webhook-Signature` has `t`, Unix seconds, and `v1`, the hex of an HMAC-SHA256
over `{t}.{body}`.

Id: none; event, invitee and time together identify an event. Payload: `payload` is the invitee with
the id `uri`; its `event` is the meeting. When an invitee moves a meeting, Calendly cancels the
invitee (`rescheduled`) and creates a new one with the former in `old_invitee`.
"""

from pydantic import JsonValue

from baton.events import FollowupType
from ingest.policy.vendors import SalesToolSource
from ingest.senders.kit import sales
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import ItemResult
from ingest.senders.kit.payloads import at, composite, list_at, path, rest, text_at
from ingest.senders.kit.sender import Example, Guide, Sender, ok, signed_by
from ingest.senders.kit.signing import as_stripe

_PLACED_PATHS = [
    path(text)
    for text in [
        "event",
        "created_at",
        "payload.uri",
        "payload.event",
        "payload.email",
        "payload.name",
        "payload.first_name",
        "payload.last_name",
        "payload.created_at",
        "payload.scheduled_event.start_time",
    ]
]
_MOVED = "invitee.moved"
"""Baton's name for a booking that replaces another."""
_KNOWN: sales.Known = {
    "invitee.created": FollowupType.MEETING_BOOKED,
    _MOVED: FollowupType.MEETING_MOVED,
    "invitee.canceled": FollowupType.NOTE,
    "invitee_no_show.created": FollowupType.MEETING_MISSED,
    "invitee_no_show.deleted": FollowupType.NOTE,
    "routing_form_submission.created": None,
}


def read(source: SalesToolSource, delivery: Delivery) -> list[ItemResult]:
    """The follow-up for one event of a meeting. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    event = text_at(payload, ("event",)) or ""
    invitee = text_at(payload, path("payload.uri"))
    if event.startswith("invitee_no_show"):
        invitee = text_at(payload, path("payload.invitee"))
    moved = event == "invitee.created" and at(payload, path("payload.old_invitee"))
    outcome = sales.outcome(source, "event", _MOVED if moved else event, _KNOWN)
    if outcome is None or (
        event == "invitee.canceled" and at(payload, path("payload.rescheduled"))
    ):
        return [sales.passed(payload)]
    if invitee is None:
        raise NotUnderstoodError("the payload has no invitee with a `uri`")
    at_ = text_at(payload, path("payload.created_at")) or text_at(payload, ("created_at",))
    if event == "invitee.canceled":
        at_ = text_at(payload, ("created_at",)) or at_
    meeting = text_at(payload, path("payload.event"))
    hosts = list_at(payload, path("payload.scheduled_event.event_memberships"))
    users = [text_at(host, (name,)) for host in hosts for name in ("user_email", "user")]
    first, last = _names(payload)
    draft = FollowupDraft(
        delivery_id=composite(event, invitee, at_),
        external_id=invitee,
        occurred_at=at_,
        email=text_at(payload, path("payload.email")),
        first_name=first,
        last_name=last,
        rep=sales.rep(source, *users),
        channel="meeting",
        starts_at=text_at(payload, path("payload.scheduled_event.start_time")),
        records=sales.records(meeting=meeting),
        answers=rest(payload, _PLACED_PATHS),
    )
    reason = text_at(payload, path("payload.cancellation.reason"))
    return [sales.followup(draft, outcome, note=[reason])]


def _names(payload: JsonValue) -> tuple[str | None, str | None]:
    """The invitee's first and last name."""
    first, last = (text_at(payload, ("payload", f"{name}_name")) for name in ("first", "last"))
    full_name = text_at(payload, path("payload.name"))
    if first is None and full_name is not None:
        first, _, last = full_name.rpartition(" ")
    return first, last


SENDER = Sender(
    kind="calendly",
    source=SalesToolSource,
    signing=signed_by(as_stripe("calendly-webhook-signature", "v1")),
    reading=read,
    answer=ok,
    guide=Guide(
        name="Calendly",
        enter=(
            "Create a subscription with Calendly's API, `POST "
            "/webhook_subscriptions`. Enter the address, the secret as "
            "`signing_key`, and the events `invitee.created`, `invitee.canceled`, "
            "`invitee_no_show.created`."
        ),
        sends="Each booking, cancellation and no-show, with the invitee's e-mail address.",
        becomes=(
            "Follow-ups: `meeting_booked`, `meeting_moved` (a booking that replaces "
            "another), `meeting_missed`, and for a cancellation a `note` with its "
            "reason. Change this with `outcomes`, by `event`; a moved meeting is "
            "`invitee.moved`. `reps` in the source maps the host's e-mail address "
            "to a rep."
        ),
        retries="Calendly retries for a day and then switches the subscription off.",
    ),
    example=Example(
        '{"event": "invitee.created", "created_at": "2026-01-31T09:00:00Z", "payload": {"uri":'
        ' "https://api.calendly.com/scheduled_events/E1/invitees/I1", "event":'
        ' "https://api.calendly.com/scheduled_events/E1", "email": "buyer@example.com",'
        ' "name": "Vivian Example", "created_at": "2026-01-31T09:00:00Z"}}'
    ),
)
