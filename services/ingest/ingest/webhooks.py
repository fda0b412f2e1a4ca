"""A webhook: whose it is, whether it is theirs, what it tells; what isn't understood is kept."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from pydantic import JsonValue

from baton import identity
from baton.logs import logger
from baton.metrics import IngestMetrics
from baton.policy.bundle import Bundle
from baton.policy.sources import StandardWebhooksSource, TypeformSource
from baton.problems import Problem
from baton.runtime.status import Status
from ingest import batches, documents, refusals
from ingest.capturing import Receipt
from ingest.deliveries import ActivityIn, FollowupIn, LeadIn
from ingest.documents import NotJsonError, UnusableValueError
from ingest.identifying import NoIdentityError, Person
from ingest.intake import Intake, Taken
from ingest.kept.store import FailedDelivery
from ingest.patience import DATABASE_AWAY
from ingest.refusals import REFUSED
from ingest.senders import standard_webhooks, typeform
from ingest.senders.payloads import Item, NotUnderstoodError
from ingest.senders.signing import (
    Delivery,
    HmacScheme,
    NotAuthenticError,
    UnusableSecretError,
    verify,
)

Signed = StandardWebhooksSource | TypeformSource
Keep = Callable[[FailedDelivery, datetime], Awaitable[None]]
"""Keeps a delivery that was not understood. Raises one of DATABASE_AWAY."""

_ADDRESS = re.compile(r"[^\s\"'<>,;:()\\]{1,64}@[^\s\"'<>,;:()\\@]{1,253}")
_MOST_ADDRESSES = 50
_HARMLESS_HEADERS = ("content-type", "content-length", "user-agent", "date")
_OURS = 500
_LOG = logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of each thing that a delivery tells: taken, or the reason why it is not."""

    became: Sequence[Taken | str]

    @property
    def taken(self) -> list[Taken]:
        return [each for each in self.became if isinstance(each, Taken)]

    @property
    def why(self) -> str | None:
        """Why some of it was not understood; None where all was."""
        reasons = dict.fromkeys(each for each in self.became if isinstance(each, str))
        return "; ".join(reasons) or None


class Webhooks:
    """Takes deliveries of the sources that the bundle declares."""

    def __init__(
        self,
        intake: Intake,
        environment: Mapping[str, str],
        keep: Keep,
        metrics: IngestMetrics,
    ) -> None:
        """`environment` holds the secrets, by the names that the bundle has for them."""
        self._intake = intake
        self._environment = environment
        self._keep = keep
        self._metrics = metrics

    async def take(self, name: str, headers: Mapping[str, str], body: bytes) -> list[JsonValue]:
        """What became of each thing that the delivery tells.

        Raises Problem: 404, 401, or 503 for what is our own fault; then the sender sends it again.
        """
        source = self._source(name)
        delivery = Delivery(headers, body)
        receipt = self._intake.receipt(body)
        try:
            self._verify(source, delivery, receipt)
        except NotAuthenticError as error:
            self._metrics.deliveries.labels(name, "not_authentic").inc()
            raise refusals.not_authentic(str(error)) from error
        outcome = await self._outcome(name, source, delivery, receipt)
        if outcome.why is None:
            return [batches.taken_json(taken) for taken in outcome.taken]
        kept = await self._not_understood(name, source, delivery, receipt, outcome)
        return [
            batches.taken_json(each) if isinstance(each, Taken) else kept for each in outcome.became
        ]

    async def take_again(self, kept: FailedDelivery) -> Outcome:
        """What becomes of a delivery that was kept, as of when it came.

        Raises Problem: 409 where the bundle no longer has its source, 503 for our own fault.
        """
        try:
            source = self._source(kept.source)
        except Problem as problem:
            if problem.body.status >= _OURS:
                raise
            raise Problem(409, "Unknown source", problem.body.detail) from problem
        receipt = replace(self._intake.receipt(kept.body), received_at=kept.received_at)
        return await self._outcome(kept.source, source, Delivery(kept.headers, kept.body), receipt)

    async def _outcome(
        self, name: str, source: Signed, delivery: Delivery, receipt: Receipt
    ) -> Outcome:
        try:
            items = read(source, delivery)
        except NotUnderstoodError as error:
            return Outcome([str(error)])
        return Outcome([await self._take_item(name, receipt, item) for item in items])

    def _source(self, name: str) -> Signed:
        source = self._intake.bundle().sources.get(name)
        if not isinstance(source, Signed):
            raise refusals.unknown_source(name)
        return source

    def _verify(self, source: Signed, delivery: Delivery, receipt: Receipt) -> None:
        missing = missing_secrets(source, self._environment)
        given = [self._environment[name] for name in source.secret_env if name not in missing]
        try:
            verify(signing(source), given, delivery, receipt.received_at)
        except NotAuthenticError as error:
            # It may be signed with the very secret that is missing: then it must be sent again.
            if missing:
                raise refusals.secrets_missing(missing) from error
            raise

    async def _take_item(self, name: str, receipt: Receipt, item: Item) -> Taken | str:
        """What became of it, or why it is not understood. Raises Problem for our own fault."""
        document = item.document | {"source": name}
        receipt = replace(receipt, part=item.part, mendable=False)
        try:
            return await self._take_document(item.becomes, document, receipt)
        except REFUSED as error:
            return refusals.problem_of(error).body.detail
        except Problem as problem:
            if problem.body.status >= _OURS:
                raise
            return problem.body.detail

    async def _take_document(
        self, becomes: str, document: dict[str, JsonValue], receipt: Receipt
    ) -> Taken:
        if becomes == "lead":
            return await self._intake.lead(LeadIn.model_validate(document), receipt)
        if becomes == "activity":
            return await self._intake.activity(ActivityIn.model_validate(document), receipt)
        return await self._intake.followup(FollowupIn.model_validate(document), receipt)

    async def _not_understood(
        self, name: str, source: Signed, delivery: Delivery, receipt: Receipt, outcome: Outcome
    ) -> JsonValue:
        """Keep the delivery whole; where that can't be done, the sender must send it again."""
        kept = FailedDelivery(
            id=identity.named_id("failed-delivery", name, sha256(delivery.body).hexdigest()),
            source=name,
            headers={
                header: value
                for header, value in delivery.headers.items()
                if header in _HARMLESS_HEADERS or header in kept_headers(source)
            },
            body=delivery.body,
            reason=outcome.why or "",
            lead_ids=[
                *self._whom_it_names(source.brand, delivery.body),
                *(taken.lead_id for taken in outcome.taken),
            ],
            received_at=receipt.received_at,
        )
        try:
            await self._keep(kept, receipt.received_at)
        except DATABASE_AWAY as error:
            raise refusals.away() from error
        self._metrics.deliveries.labels(name, "kept").inc()
        _LOG.warning("a delivery was not understood", source=name, delivery=str(kept.id))
        return {"state": "kept", "delivery": str(kept.id)}

    def _whom_it_names(self, brand: str, body: bytes) -> list[UUID]:
        """The leads of the mail addresses in it: when one is erased, the delivery goes too."""
        text = body.decode("utf-8", "replace").replace("\\u0040", "@").replace("%40", "@")
        addresses = list(dict.fromkeys(_ADDRESS.findall(text)))[:_MOST_ADDRESSES]
        found: dict[UUID, None] = {}
        for address in addresses:
            with contextlib.suppress(NoIdentityError):
                found[Person(brand, "", email=address).identified(self._intake.id_key).lead_id] = (
                    None
                )
        return list(found)


def signing(source: Signed) -> Sequence[HmacScheme]:
    """How a source signs."""
    match source:
        case StandardWebhooksSource():
            return standard_webhooks.SIGNING
        case TypeformSource():
            return typeform.SIGNING


def kept_headers(source: Signed) -> Sequence[str]:
    """The headers that reading a delivery again may need; none of them is a secret."""
    match source:
        case StandardWebhooksSource():
            return standard_webhooks.KEPT_HEADERS
        case TypeformSource():
            return typeform.KEPT_HEADERS


def read(source: Signed, delivery: Delivery) -> list[Item]:
    """What an authentic delivery tells. Raises NotUnderstoodError."""
    try:
        payload = documents.read(delivery.body)
    except (NotJsonError, UnusableValueError) as error:
        raise NotUnderstoodError(str(error)) from error
    match source:
        case StandardWebhooksSource():
            return standard_webhooks.read(source, delivery, payload)
        case TypeformSource():
            return typeform.read(source, payload)


def missing_secrets(source: Signed, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The variables of a source that hold no secret of the form that its sender's have."""
    missing = []
    for name in source.secret_env:
        try:
            signing(source)[0].key(environment.get(name, ""))
        except UnusableSecretError:
            missing.append(name)
    return tuple(missing)


async def watch_secrets(
    in_force: Callable[[], Bundle | None],
    environment: Mapping[str, str],
    status: Status,
    pause: timedelta,
) -> None:
    """Say which sources can't be taken for want of a secret, with each new bundle; for ever."""
    said = None
    while True:
        bundle = in_force()
        if bundle is not None and bundle.hash != said:
            said = bundle.hash
            _say_what_is_missing(bundle, environment, status)
        await asyncio.sleep(pause.total_seconds())


def _say_what_is_missing(bundle: Bundle, environment: Mapping[str, str], status: Status) -> None:
    signed = {n: s for n, s in bundle.sources.items() if isinstance(s, Signed)}
    found = {name: missing_secrets(source, environment) for name, source in signed.items()}
    wanted = [f"{' and '.join(names)} for {name}" for name, names in found.items() if names]
    if wanted:
        status.not_ready("webhooks", f"set in the environment: {'; '.join(wanted)}")
        _LOG.error("secrets are missing", wanted=wanted)
    else:
        status.ready("webhooks")
