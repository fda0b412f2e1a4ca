"""TikTok for developers' webhooks (developers.tiktok.com, Webhooks).

Signing: `TikTok-Signature` has `t=`, a Unix time, and `s=`, the hex of an HMAC-SHA256 over
`{t}.{body}`; the key is the client secret.

Id: none; `event`, user, `create_time` and content together identify an event. Payload: `event`, and
JSON as text in `content`. The bundle says what each event becomes. Its paths start in the content;
a path that is not there starts in the payload beside it.
"""

from pydantic import JsonValue

from ingest.policy.mapped import EventsSource
from ingest.senders.kit import mapping
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.formats import json_of, json_text
from ingest.senders.kit.items import Item
from ingest.senders.kit.mapping import MappedEvent
from ingest.senders.kit.payloads import at, composite, text_at, unix_time
from ingest.senders.kit.sender import Example, Guide, Sender, ok, signed_by
from ingest.senders.kit.signing import as_stripe


def read(source: EventsSource, delivery: Delivery) -> list[Item]:
    """The items of the event, by the bundle's mapping. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    content: JsonValue = text_at(payload, ("content",))
    text = json_text(content.encode()) if isinstance(content, str) else at(payload, ("content",))
    parts = [text_at(payload, (name,)) for name in ("event", "create_time", "user_openid")]
    event = MappedEvent(
        type=at(payload, ("event",)),
        payload=text,
        shared=payload,
        delivery_id=composite(*parts, content if isinstance(content, str) else None),
        occurred_at=unix_time(at(payload, ("create_time",))),
    )
    return mapping.read(source, event)


SENDER = Sender(
    kind="tiktok",
    source=EventsSource,
    signing=signed_by(as_stripe("tiktok-signature", "s")),
    reading=read,
    answer=ok,
    guide=Guide(
        name="TikTok",
        enter=(
            "In TikTok: Webhooks of the developer app. Enter the address. The "
            "secret is the client secret."
        ),
        sends="Events of the app. Their content is JSON in a text field of the JSON.",
        becomes=(
            "Leads, activities, follow-ups and requests to forget a person, as "
            "`events` in the source maps each event."
        ),
        retries=(
            "TikTok retries for 72 hours after any answer except 200. Baton answers "
            "TikTok with 200."
        ),
    ),
    example=Example(
        '{"client_key": "k", "event": "form.submitted", "create_time": 1769850000,'
        ' "user_openid": "u", "content": "{\\"email\\": \\"buyer@example.com\\"}"}'
    ),
)
