"""The senders that Baton understands, by the `kind` that a bundle gives their sources."""

from collections.abc import Mapping
from typing import Any

from baton.policy.sources import SignedSource
from ingest.senders import generic, standard_webhooks, typeform
from ingest.senders.sender import Sender

SENDERS: Mapping[str, Sender[Any]] = {
    sender.kind: sender
    for sender in (
        generic.SENDER,
        standard_webhooks.SENDER,
        typeform.SENDER,
    )
}


def sender_of(source: SignedSource) -> Sender[Any]:
    """How a source of the bundle sends. Every kind that a bundle may have is among them."""
    return SENDERS[source.kind]
