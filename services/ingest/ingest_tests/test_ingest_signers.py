"""The vendors' own packages, where they exist, accept the signatures that the tests make."""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook
from stripe import SignatureVerificationError, WebhookSignature

from ingest.senders.kit.delivery import Delivery
from ingest_tests.harness import NOW
from ingest_tests.signers import SECRET, WAYS, WHSEC, delivered


def sent(source: str) -> Delivery:
    """A delivery of just now: the packages go by the machine's clock."""
    way = next(each for each in WAYS if each.source == source)
    return delivered(way, datetime.now(UTC) - NOW)


def test_stripe_s_package_takes_what_is_signed_like_it() -> None:
    given = sent("stripe_like")
    header = given.headers["stripe-signature"]
    WebhookSignature.verify_header(given.body.decode(), header, SECRET, tolerance=300)
    with pytest.raises(SignatureVerificationError):
        WebhookSignature.verify_header(given.body.decode(), header, WHSEC, tolerance=300)


def test_the_package_of_standard_webhooks_takes_what_is_signed_like_it() -> None:
    given = sent("standard_webhooks")
    Webhook(WHSEC).verify(given.body, dict(given.headers))
