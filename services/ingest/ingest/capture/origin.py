"""Where a submission comes from, and whom it is about: its source, brand, time and person."""

import re
from datetime import UTC, datetime, timedelta

from baton.events import FollowupType, Record
from baton.policy.bundle import Bundle
from baton.policy.problems import did_you_mean
from ingest.capture.receipt import Receipt
from ingest.capture.submissions import FollowupIn, LeadIn, Submission
from ingest.errors import RejectedError, TryLaterError, UnknownError
from ingest.identity.person import Person, full_name
from ingest.policy.source import SignedSource
from ingest.policy.sources import Source, sources_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)


def source_of(submission: Submission, bundle: Bundle) -> Source:
    """The source that a submission names. Raises RejectedError for one that nobody declared."""
    source = sources_of(bundle).get(submission.source)
    if source is None:
        hint = did_you_mean(submission.source, sources_of(bundle))
        raise RejectedError(f"the policy declares no such source{hint}", "source")
    return source


def signed_source(name: str, bundle: Bundle) -> SignedSource:
    """The source of a webhook.

    Raises TryLaterError where the policy has none of that name: a bundle may be mended, and some
    vendors switch a webhook off at the first 404. Raises UnknownError for what can be no name.
    """
    source = sources_of(bundle).get(name)
    if isinstance(source, SignedSource):
        return source
    if not _NAME.fullmatch(name):
        raise UnknownError("no source can have this name")
    raise TryLaterError(
        f"the policy declares no webhook source '{name}': "
        "add it to sources.yaml, or correct the address",
        title="Unknown source",
    )


def brand_of(brand: str | None, source: Source, bundle: Bundle) -> str:
    """The brand of a submission: its own, or its source's.

    Raises RejectedError for a brand that no source has: it would make leads of their own, which an
    erasure by email would not find.
    """
    brands = {declared.brand for declared in sources_of(bundle).values()}
    if brand is not None and brand not in brands:
        raise RejectedError(
            f"no source of the policy has this brand{did_you_mean(brand, brands)}", "brand"
        )
    return brand or source.brand


def check_time(submission: Submission, receipt: Receipt, ahead: timedelta) -> None:
    """Raises RejectedError where a time is further ahead than clocks differ, or before 1970."""
    if submission.occurred_at is None:
        return
    if receipt.strict and submission.occurred_at > receipt.received_at + ahead:
        raise RejectedError(f"is more than {ahead} ahead of our clock", "occurred_at")
    if submission.occurred_at < _EPOCH:
        raise RejectedError("is before 1970", "occurred_at")


def happened_at(submission: Submission, receipt: Receipt) -> datetime:
    """When it happened. Never after it was received: a sender's clock may be ahead of ours."""
    return min(submission.occurred_at or receipt.received_at, receipt.received_at)


def person_of(submission: Submission, brand: str, source: Source) -> Person:
    """The person that a submission names, as far as it says so itself."""
    inner = submission.contact if isinstance(submission, LeadIn) else submission
    return Person(
        brand=brand,
        source=submission.source,
        email=submission.email or inner.email,
        external_id=submission.external_id,
        phone=submission.phone or inner.phone,
        name=full_name(
            submission.first_name or inner.first_name, submission.last_name or inner.last_name
        ),
        records=_naming(submission),
        countries=(source.default_country,) if source.default_country else (),
    )


def _naming(submission: Submission) -> tuple[Record, ...]:
    """The records that tell whose a submission is: what one was merged into is another's."""
    if not isinstance(submission, FollowupIn) or submission.type is FollowupType.MERGED:
        return ()
    return submission.records
