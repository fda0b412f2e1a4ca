"""Aircall's webhooks (developer.aircall.io, Webhooks).

Signing: none; the body contains the webhook's `token`. Id: none; event, call and time together
identify an event.

Payload: `event` is the type, `data` is the call. `raw_digits` is the other party's number, or
`anonymous` if it is withheld. `user` is the agent. Later events of a call may have its `id` only.
"""

from collections.abc import Iterator

from pydantic import JsonValue

from baton.events import FollowupType
from ingest.policy.vendors import SalesToolSource
from ingest.senders.kit import sales
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import Ignored, ItemResult
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
_EVENTS_WITH_TAGS = ("tagged", "ended", "archived")
_WITHHELD = "anonymous"
_NAMES = ("first", "last")


def read(source: SalesToolSource, delivery: Delivery) -> Iterator[ItemResult]:
    """The follow-up for one event of a call. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    event = text_at(payload, ("event",)) or ""
    resource, _, action = event.partition(".")
    call = text_at(payload, path("data.id"))
    if resource in _OF_OTHERS:
        yield sales.passed(payload)
        return
    if resource != "call" or call is None:
        raise NotUnderstoodError(f"`event` is '{event}', which Baton does not know")
    draft = _draft(source, payload, event, call)
    comments = [text_at(note, ("content",)) for note in list_at(payload, path("data.comments"))]
    comment = comments[-1:] if action == "commented" else ()
    tags = [text_at(tag, ("name",)) or str(tag) for tag in list_at(payload, path("data.tags"))]
    outcome = sales.outcome(source, "event", event, {event: _understood(payload, action)})
    # A generator: the first tag with an outcome decides, so unmapped tags after it cannot fail.
    by_tags = (sales.outcome(source, "tag", tag, otherwise=outcome) for tag in tags)
    if outcome is not None and tags and action in _EVENTS_WITH_TAGS:
        # The end of a call counts even if its tags are ignored; the tagging itself does not.
        otherwise = None if action == "tagged" else outcome
        outcome = next(filter(None, by_tags), otherwise)
    if outcome is None:
        yield Ignored(draft)
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
    """`contacted` if the call was answered; an unanswered incoming call is no attempt by sales."""
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
            "In Aircall: Integrations, Webhook. Enter the address and select the "
            "events of calls. The secret is the token that Aircall shows for the "
            "webhook."
        ),
        sends="The events of calls: created, answered, ended, tagged, commented and others.",
        becomes=(
            "A follow-up for the lead with that phone number. Later events of the "
            "same call go to the same lead. An answered call is `contacted`, an "
            "unanswered outgoing call is `attempted`, everything else is a `note`. "
            "Change this with `outcomes`, by `event` or by `tag`. `reps` in the "
            "source maps the agent's e-mail address or id to a rep."
        ),
        retries=(
            "Aircall tries ten times and then switches the webhook off. Baton "
            "answers Aircall with 200."
        ),
    ),
    example=Example(
        '{"resource": "call", "event": "call.answered", "timestamp": 1769850000,'
        ' "token": "SECRET", "data": {"id": 1, "direction": "outbound",'
        ' "raw_digits": "+493090182000", "user": {"id": 7, "email": "rep@example.com"}}}'
    ),
)
