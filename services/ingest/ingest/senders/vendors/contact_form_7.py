"""Contact Form 7 with one of its plugins for webhooks (for WordPress).

Signing: none; the secret is in the address. Id and time: none, so the same body within the source's
`retry_horizon` is the same enquiry. Payload: a flat object with the answers by the names of their
fields (`your-name`, `your-email`, ...), and choices as lists.
"""

from ingest.policy.vendors import FormSource
from ingest.senders.kit import forms
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import LeadDraft
from ingest.senders.kit.formats import payload_of
from ingest.senders.kit.forms import Answer
from ingest.senders.kit.items import Item
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import SHOWN


def read(source: FormSource, delivery: Delivery) -> list[Item]:
    """The lead of a submitted form. Raises NotUnderstoodError."""
    fields = payload_of(delivery)
    if not isinstance(fields, dict):
        raise NotUnderstoodError("the body is not an object with the fields of a form")
    answered = (Answer(name, value) for name, value in fields.items())
    return [Item(forms.place(LeadDraft(), answered, source.answers))]


SENDER = Sender(
    kind="contact_form_7",
    source=FormSource,
    signing=signed_by(*SHOWN),
    reading=read,
    guide=Guide(
        name="Contact Form 7",
        enter="In the form's webhook plugin: enter the address with `?token=` and the secret.",
        sends="Each submitted form, as a flat object.",
        becomes=(
            "A lead. Baton recognises fields by their names, with or without "
            "`your-`. In `answers` of the source, `ref` is the name of a field."
        ),
        retries=(
            "Contact Form 7 does not retry. A delivery during an outage of both "
            "Kafka and PostgreSQL is lost."
        ),
    ),
    example=Example(
        '{"your-name": "Vivian Example", "your-email": "buyer@example.com",'
        ' "your-message": "Please call me.", "topic": ["Prices"]}'
    ),
)
