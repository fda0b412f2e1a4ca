"""Gravity Forms' Webhooks add-on (docs.gravityforms.com/webhooks-add-on).

Signing: none; the secret is in a header of the request or in the address.

Id: an entry's `id` is unique within a site. Payload (JSON, all fields): the entry. The keys of its
answers are the numbers of their fields. For example, a name field 2 has the first name in `2.3` and
the last name in `2.6`. `date_created` is in UTC.
"""

from datetime import UTC

from ingest.policy.vendors import FormSource
from ingest.senders.kit import forms
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import CampaignDraft, LeadDraft, RequestDraft
from ingest.senders.kit.formats import payload_of
from ingest.senders.kit.forms import Answer
from ingest.senders.kit.items import Item
from ingest.senders.kit.payloads import at, composite, text_at, written_time
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import SHOWN

_PLACED = ("id", "form_id", "date_created", "date_updated")


def read(source: FormSource, delivery: Delivery) -> list[Item]:
    """The lead of an entry. Raises NotUnderstoodError."""
    entry = payload_of(delivery)
    id_, form = text_at(entry, ("id",)), text_at(entry, ("form_id",))
    if not isinstance(entry, dict) or id_ is None or form is None:
        raise NotUnderstoodError(
            "the body has no id or no form_id; select all fields in the webhook's settings"
        )
    created = text_at(entry, ("date_created",))
    draft = LeadDraft(
        delivery_id=composite(form, id_),
        external_id=id_,
        occurred_at=written_time(created, UTC),
        campaign=CampaignDraft(landing_url=at(entry, ("source_url",))),
        request=RequestDraft(form_id=form),
    )
    left = (Answer(key, value) for key, value in entry.items() if key not in _PLACED)
    return [Item(forms.guess_email(forms.place(draft, left, source.answers)))]


SENDER = Sender(
    kind="gravity_forms",
    source=FormSource,
    signing=signed_by(*SHOWN),
    reading=read,
    guide=Guide(
        name="Gravity Forms",
        enter=(
            "In Gravity Forms: Settings, Webhooks of the form. Enter the address, "
            "POST, JSON, all fields, and a request header `Authorization` with "
            "`Bearer` and the secret."
        ),
        sends="Each entry, with the answers under the numbers of their fields.",
        becomes=(
            "A lead. Map the fields by their numbers: `{to: contact.first_name, "
            'ref: "2.3"}`. If no field is mapped to the e-mail address, Baton '
            "takes the first answer that is one."
        ),
        retries=(
            "Gravity Forms retries a few times within a day after 5xx, if the "
            "scheduler of WordPress runs."
        ),
    ),
    example=Example(
        '{"id": "1", "form_id": "3", "date_created": "2026-01-31 09:00:00",'
        ' "source_url": "https://www.example.com/contact/", "2.3": "Vivian",'
        ' "4": "buyer@example.com"}'
    ),
)
