"""Webhooks that are built by hand in Zapier, Make and the like: whatever was mapped there.

Signing: none; basic credentials, a bearer's token, or a secret in a header or in the address. Id
and time: none, unless a field `delivery_id` is mapped; else the same body within the source's
`retry_horizon` is the same enquiry. Payload: a flat object or a form, or a list of objects.
"""

from collections.abc import Iterator

from pydantic import JsonValue

from ingest.policy.vendors import FormSource
from ingest.senders.kit import forms
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import LeadDraft
from ingest.senders.kit.formats import payload_of
from ingest.senders.kit.forms import Answer
from ingest.senders.kit.items import Item, ItemResult, read_each
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import SHOWN


def read(source: FormSource, delivery: Delivery) -> Iterator[ItemResult]:
    """The leads that it has. Raises NotUnderstoodError."""
    payload = payload_of(delivery)
    people = payload if isinstance(payload, list) else [payload]

    def read_one(numbered: tuple[int, JsonValue]) -> list[Item]:
        position, fields = numbered
        if not isinstance(fields, dict):
            raise NotUnderstoodError("it is no object with the fields of a lead")
        answers = (Answer(name, value) for name, value in fields.items())
        draft = forms.place(LeadDraft(), answers, source.answers)
        return [Item(draft, part=str(position) if len(people) > 1 else "")]

    return read_each(enumerate(people), read_one)


_BECOMES = (
    "A lead each. Fields are placed by what their names say (`email`, `Full Name`, `company`, "
    "`utm_source`, ...), others by `answers`, where `ref` is the field's name; the rest is kept. "
    "Map `delivery_id` to an id of what happened, so that a run that is repeated is the same event."
)
_EXAMPLE = Example(
    '{"Email": "buyer@example.com", "Full Name": "Vivian Example", "delivery_id": "r1"}'
)

ZAPIER = Sender(
    kind="zapier",
    source=FormSource,
    signing=signed_by(*SHOWN),
    reading=read,
    guide=Guide(
        name="Zapier",
        enter=(
            "Webhooks by Zapier, POST: the address, payload type json, and the secret as Basic "
            "Auth (`user|password`; then the secret is `user:password`)."
        ),
        sends="The fields that were mapped in the step.",
        becomes=_BECOMES,
        retries="Tried again only where the account has Autoreplay; a failed step is reported.",
    ),
    example=_EXAMPLE,
)
MAKE = Sender(
    kind="make",
    source=FormSource,
    signing=signed_by(*SHOWN),
    reading=read,
    guide=Guide(
        name="Make",
        enter=(
            "HTTP, Make a request: the address, POST, a raw JSON body (one object or a list), and "
            "a header `Authorization` with `Bearer` and the secret."
        ),
        sends="The fields that were mapped in the module.",
        becomes=_BECOMES,
        retries="As the scenario's error handling has it: none of its own.",
    ),
    example=_EXAMPLE,
)
