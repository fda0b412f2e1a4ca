"""Webhooks that a person builds in Zapier, Make or a similar tool, with fields of any names.

Signing: none; basic credentials, a bearer token, or a secret in a header or in the address. Id and
time: none, unless a field `delivery_id` is mapped. Without it the same body within the source's
`retry_horizon` is the same enquiry. Payload: a flat object, a form, or a list of objects.
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
    """The leads of a delivery. Raises NotUnderstoodError."""
    payload = payload_of(delivery)
    people = payload if isinstance(payload, list) else [payload]

    def read_one(numbered: tuple[int, JsonValue]) -> list[Item]:
        position, fields = numbered
        if not isinstance(fields, dict):
            raise NotUnderstoodError(
                "an element of the body is not an object with the fields of a lead"
            )
        answers = (Answer(name, value) for name, value in fields.items())
        draft = forms.place(LeadDraft(), answers, source.answers)
        return [Item(draft, part=str(position) if len(people) > 1 else "")]

    return read_each(enumerate(people), read_one)


_BECOMES = (
    "A lead for each object. Baton recognises fields with a clear name (`email`, `Full Name`, "
    "`company`, `utm_source`, ...). Map others with `answers` in the source, where `ref` is the "
    "name of the field. Baton stores the remaining fields as answers. Map `delivery_id` to an id "
    "of the event, so that a repeated run counts once."
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
            "In Zapier: Webhooks by Zapier, POST. Enter the address, the payload "
            "type json, and the secret as Basic Auth `user|password`. The secret is "
            "then `user:password`."
        ),
        sends="The fields that you mapped in the step.",
        becomes=_BECOMES,
        retries="Zapier retries only for accounts with Autoreplay. It reports a failed step.",
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
            "In Make: HTTP, Make a request. Enter the address, POST, a raw JSON "
            "body (one object or a list), and a header `Authorization` with "
            "`Bearer` and the secret."
        ),
        sends="The fields that you mapped in the module.",
        becomes=_BECOMES,
        retries="Make retries only as the scenario's error handling says.",
    ),
    example=_EXAMPLE,
)
