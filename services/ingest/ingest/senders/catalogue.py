"""The senders that Baton understands, by the `kind` that a bundle gives their sources."""

from collections.abc import Mapping
from typing import Any

from ingest.policy.source import SignedSource
from ingest.senders.kit.sender import Sender
from ingest.senders.vendors import (
    activecampaign,
    aircall,
    brevo,
    calendly,
    cloud_events,
    contact_form_7,
    customerio,
    generic,
    gong,
    google_ads,
    gravity_forms,
    hub_signature,
    hubspot,
    intercom,
    jotform,
    klaviyo,
    linkedin,
    mailchimp,
    marketo,
    meta,
    outreach,
    pipedrive,
    ringcentral,
    salesloft,
    segment,
    standard_webhooks,
    stripe_like,
    tally,
    tiktok,
    twilio,
    typeform,
    webflow,
    workflow,
)
from ingest.senders.vendors.salesforce import sender as salesforce

SENDERS: Mapping[str, Sender[Any]] = {
    sender.kind: sender
    for sender in (
        activecampaign.SENDER,
        aircall.SENDER,
        brevo.SENDER,
        calendly.SENDER,
        cloud_events.SENDER,
        contact_form_7.SENDER,
        customerio.SENDER,
        generic.SENDER,
        gong.SENDER,
        gong.UNSIGNED,
        google_ads.SENDER,
        gravity_forms.SENDER,
        hub_signature.SENDER,
        hubspot.SENDER,
        intercom.SENDER,
        jotform.SENDER,
        klaviyo.SENDER,
        linkedin.SENDER,
        mailchimp.SENDER,
        marketo.SENDER,
        meta.SENDER,
        outreach.SENDER,
        pipedrive.SENDER,
        ringcentral.SENDER,
        salesloft.SENDER,
        segment.SENDER,
        standard_webhooks.SENDER,
        stripe_like.SENDER,
        tally.SENDER,
        tiktok.SENDER,
        twilio.SENDER,
        typeform.SENDER,
        webflow.SENDER,
        salesforce.SENDER,
        workflow.MAKE,
        workflow.ZAPIER,
    )
}


def sender_of(source: SignedSource) -> Sender[Any]:
    """The sender of a source. `SENDERS` has every kind that a bundle can name."""
    return SENDERS[source.kind]
