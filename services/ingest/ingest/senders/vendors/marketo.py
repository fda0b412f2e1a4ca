"""Marketo's Call Webhook step (experienceleague.adobe.com, Marketo, Webhooks).

Signing: none; the secret is in a custom header of the webhook. Id: none; `leadId`, `program` and
`sysDateTime` together identify a call. Payload: a template that somebody writes in Marketo, as form
or JSON, with tokens such as `{{lead.Email Address}}`.
"""

from ingest.policy.vendors import FormSource
from ingest.senders.kit import forms
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import CampaignDraft, LeadDraft
from ingest.senders.kit.formats import payload_of
from ingest.senders.kit.forms import Answer
from ingest.senders.kit.items import Item
from ingest.senders.kit.payloads import composite, text_at
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import SHOWN

_ID = ("leadId", "program", "sysDateTime")


def read(source: FormSource, delivery: Delivery) -> list[Item]:
    """The lead of a call. Raises NotUnderstoodError."""
    payload = payload_of(delivery)
    if not isinstance(payload, dict):
        raise NotUnderstoodError(
            "the body is neither a form nor a JSON object; correct the template in Marketo"
        )
    parts = [text_at(payload, (name,)) for name in _ID]
    is_told_apart = parts[0] is not None and parts[-1] is not None
    draft = LeadDraft(
        delivery_id=composite(*parts) if is_told_apart else None,
        campaign=CampaignDraft(name=parts[1]),
    )
    left = (Answer(name, value) for name, value in payload.items() if name != "program")
    return [Item(forms.place(draft, left, source.answers))]


SENDER = Sender(
    kind="marketo",
    source=FormSource,
    signing=signed_by(*SHOWN),
    reading=read,
    guide=Guide(
        name="Marketo",
        enter=(
            "In Marketo: Admin, Webhooks. Enter the address, POST, encoding "
            "Form/Url, and a custom header `X-Baton-Token` with the secret. Enter "
            "this template, and add other fields as you need them: "
            "`email={{lead.Email Address}}&firstName={{lead.First "
            "Name}}&lastName={{lead.Last Name}}&company={{company.Company "
            "Name}}&leadId={{lead.Id}}&program={{program.Name}}&sysDateTime={{system.dateTime}}`. "
            "Then add the step Call Webhook to a smart campaign."
        ),
        sends="The template with its values, each time that a lead reaches the step.",
        becomes=(
            "A lead; `program` is its campaign. Baton recognises fields with a "
            "clear name and takes others as `answers` of the source maps them. "
            "There, `ref` is a name in the template."
        ),
        retries=(
            "Marketo does not retry. A delivery during an outage of both Kafka and "
            "PostgreSQL is lost."
        ),
    ),
    example=Example(
        "email=buyer%40example.com&firstName=Vivian&leadId=1004&program=Webinar"
        "&sysDateTime=2026-01-31+09%3A00%3A00",
        "application/x-www-form-urlencoded",
    ),
)
