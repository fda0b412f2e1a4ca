"""Aircall's webhooks (developer.aircall.io, Webhooks).

Signing: the body has the webhook's `token`. Id: none; event, call and time are the same for each
attempt.

Payload: `event` says what happened, `data` is the call: `raw_digits` is the other side's number,
`anonymous` where it is withheld, `user` the agent. Later events of a call may have its `id` alone.
"""

from collections.abc import Iterator

from pydantic import JsonValue

from baton.events import FollowupType
from ingest.policy.vendors import SalesToolSource
from ingest.senders.kit import sales
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import ItemResult, Passed
from ingest.senders.kit.payloads import at, composite, list_at, path, rest, text_at, unix_time
from ingest.senders.kit.places import InJson
from ingest.senders.kit.sender import Example, Guide, Sender, ok, signed_by
from ingest.senders.kit.signing import Token

_PLACED_PATHS = [
    path(text)
    for text in [
        "event",
        "token",
        "timestamp",
        "resource",
        "data.id",
        "data.raw_digits",
        "data.user.id",
        "data.contact.first_name",
        "data.contact.last_name",
    ]
]
_OF_OTHERS = ("number", "user", "contact", "message", "webhook", "integration")
_TELLING_TAGS = ("tagged", "ended", "archived")
_WITHHELD = "anonymous"
_NAMES = ("first", "last")


def read(source: SalesToolSource, delivery: Delivery) -> Iterator[ItemResult]:
    """What happened to the call. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    event = text_at(payload, ("event",)) or ""
    resource, _, action = event.partition(".")
    call = text_at(payload, path("data.id"))
    if resource in _OF_OTHERS:
        yield sales.passed(payload)
        return
    if resource != "call" or call is None:
        raise NotUnderstoodError(f"an event that is not known: {event}")
    draft = _draft(source, payload, event, call)
    comments = [text_at(note, ("content",)) for note in list_at(payload, path("data.comments"))]
    comment = comments[-1:] if action == "commented" else ()
    tags = [text_at(tag, ("name",)) or str(tag) for tag in list_at(payload, path("data.tags"))]
    outcome = sales.outcome(source, "event", event, {event: _understood(payload, action)})
    # One at a time: of several tags one may say all, and nobody have explained the others.
    by_tags = (sales.outcome(source, "tag", tag, otherwise=outcome) for tag in tags)
    if outcome is not None and tags and action in _TELLING_TAGS:
        # That a call has ended is told though its tags are ignored; that it was tagged is not.
        otherwise = None if action == "tagged" else outcome
        outcome = next(filter(None, by_tags), otherwise)
    if outcome is None:
        yield Passed(draft)
    else:
        yield sales.followup(draft, outcome, note=comment)


def _draft(source: SalesToolSource, payload: JsonValue, event: str, call: str) -> FollowupDraft:
    number = text_at(payload, path("data.raw_digits"))
    first, last = (text_at(payload, ("data", "contact", f"{part}_name")) for part in _NAMES)
    user, email = (text_at(payload, ("data", "user", name)) for name in ("id", "email"))
    return FollowupDraft(
        delivery_id=composite(event, call, text_at(payload, ("timestamp",))),
        occurred_at=unix_time(at(payload, ("timestamp",))),
        phone=None if number == _WITHHELD else number,
        first_name=first,
        last_name=last,
        rep=sales.rep(source, email, user),
        channel="phone",
        records=sales.records(call=call),
        answers=rest(payload, _PLACED_PATHS),
    )


def _understood(payload: JsonValue, action: str) -> FollowupType:
    """Who was called and answered, was spoken with; who calls us and is not answered, was not."""
    if action == "answered" or text_at(payload, path("data.answered_at")):
        return FollowupType.CONTACTED
    if text_at(payload, path("data.direction")) == "outbound":
        return FollowupType.ATTEMPTED
    return FollowupType.NOTE


SENDER = Sender(
    kind="aircall",
    source=SalesToolSource,
    signing=signed_by(Token(InJson(("token",)))),
    reading=read,
    answer=ok,
    guide=Guide(
        name="Aircall",
        enter=(
            "Integrations, Webhook: the address, and the events of calls. The secret is the token "
            "that Aircall shows for the webhook."
        ),
        sends="What happens to calls: created, answered, ended, tagged, commented, and more.",
        becomes=(
            "A follow-up of the lead with that number, and for what comes later of the call's. A "
            "call that was answered is `contacted`, an outgoing one that was not `attempted`, all "
            "else a `note`. `outcomes` may say otherwise, by `event` or by `tag`. `reps` by the "
            "agent's address or id."
        ),
        retries="Ten times; after that the webhook is switched off. It is answered 200.",
    ),
    example=Example(
        '{"resource": "call", "event": "call.answered", "timestamp": 1769850000,'
        ' "token": "SECRET", "data": {"id": 1, "direction": "outbound",'
        ' "raw_digits": "+493090182000", "user": {"id": 7, "email": "rep@example.com"}}}'
    ),
)
