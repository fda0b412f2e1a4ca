"""A webhook: whose it is, whether it is theirs, what it tells; what isn't understood is kept."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote
from uuid import UUID

from pydantic import JsonValue

from baton import identity
from baton.logs import logger
from baton.policy.bundle import Bundle
from baton.policy.sources import RateLimit, SignedSource
from baton.problems import Problem
from baton.runtime.status import Status
from baton.values import fits_header
from ingest.capture.events import Receipt
from ingest.capture.intake import Intake, Taken
from ingest.capture.misfits import fitted
from ingest.capture.submissions import ActivityIn, FollowupIn, PassedOnErasure
from ingest.deadline import DATABASE_AWAY
from ingest.edge import batches, problems
from ingest.edge.problems import REFUSED
from ingest.features.enrichment.fetcher import Fetcher, NeverError
from ingest.features.enrichment.store import Incomplete
from ingest.features.failed.store import FailedDelivery
from ingest.identity.person import leads_of_addresses_in
from ingest.metrics import IngestMetrics
from ingest.publish.publisher import State
from ingest.senders.catalogue import sender_of
from ingest.senders.kit import signing
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.items import Fetch, Item, Passed, Told, Unread
from ingest.senders.kit.places import ForbiddenError, NotAuthenticError
from ingest.senders.kit.sender import Reply
from ingest.senders.kit.signing import UnusableSecretError

Keep = Callable[[FailedDelivery, datetime], Awaitable[None]]
"""Keeps a delivery that was not understood. Raises one of DATABASE_AWAY."""

FetchLater = Callable[[Incomplete], Awaitable[None]]
"""Notes what is to be fetched. Raises one of DATABASE_AWAY."""

_OURS = 500
_FOR_NOW = (429, 503)
_TELLING = 8
"""A shorter secret may be a word that somebody writes."""
_NOBODY = UUID(int=0)
_TOGETHER = 32
"""So many things that one delivery tells are published at once: its sender waits for all."""
_LOG = logger(__name__)


@dataclass(frozen=True, slots=True)
class _Came:
    """A delivery of one of the bundle's sources; once it is authentic, no more than is readable."""

    name: str
    source: SignedSource
    delivery: Delivery
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of each thing that a delivery tells: taken, or the reason why it is not."""

    became: Sequence[Taken | str]

    @property
    def taken(self) -> list[Taken]:
        return [each for each in self.became if isinstance(each, Taken)]

    @property
    def lead_ids(self) -> list[UUID]:
        """Whom what was taken is about, as far as that is known."""
        return [taken.lead_id for taken in self.taken if taken.lead_id is not None]

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
        came: Callable[[str, RateLimit], None],
        keep: Keep,
        fetch_later: FetchLater,
        metrics: IngestMetrics,
        address: str | None,
    ) -> None:
        """`environment` holds the secrets, by the names that the bundle has for them.

        `address` is what stands before the sources' names in the addresses that senders have.
        `came` is told of each delivery that is authentic. Raises Problem 429.
        """
        self._intake = intake
        self._environment = environment
        self._came = came
        self._keep = keep
        self._fetch_later = fetch_later
        self._metrics = metrics
        self._address = address

    def delivery(self, method: str, rest: str, headers: Mapping[str, str], body: bytes) -> Delivery:
        """A request as its sender has it; `rest` is the address from the source's name on."""
        return Delivery(headers, body, method, f"{self._address or ''}/{rest}")

    def not_now(self, name: str, problem: Problem) -> Problem:
        """The same, with the status after which the source's vendor sends again."""
        if problem.body.status not in _FOR_NOW:
            return problem
        try:
            status = sender_of(self._source(name)).not_now
        except Problem:
            return problem
        if status is None:
            return problem
        body = problem.body
        return Problem(status, body.title, body.detail, body.field, problem.headers)

    async def take(self, name: str, delivery: Delivery) -> Reply:
        """The answer that says what became of each thing that the delivery tells.

        Raises Problem: 401, 403, 405, or 503 for what is our own fault; then the sender sends it
        again.
        """
        source = self._source(name)
        sender = sender_of(source)
        came = _Came(name, source, delivery, self._intake.receipt(delivery.body))
        try:
            greeted = sender.handshake(source, delivery, self._environment)
            if greeted is not None:
                self._metrics.deliveries.labels(name, "handshake").inc()
                return greeted
            self._verify(came)
        except NotAuthenticError as error:
            self._metrics.deliveries.labels(name, "not_authentic").inc()
            is_forbidden = isinstance(error, ForbiddenError)
            refused = problems.forbidden if is_forbidden else problems.not_authentic
            raise refused(str(error)) from error
        if delivery.method != "POST":
            raise problems.not_a_delivery()
        self._came(name, source.rate_limit)
        readable = self._without_secrets(source, sender.readable(source, delivery))
        receipt = replace(came.receipt, body=readable.body)
        came = replace(came, delivery=readable, receipt=receipt)
        outcome = await self._outcome(came)
        kept = await self._not_understood(came, outcome) if outcome.why else None
        results = [
            batches.taken_json(each) if isinstance(each, Taken) else kept for each in outcome.became
        ]
        return sender.answer(delivery, results)

    async def take_again(self, kept: FailedDelivery) -> Outcome:
        """What becomes of a delivery that was kept, as of when it came.

        Raises Problem: 409 where the bundle no longer has its source, 503 for our own fault.
        """
        self._intake.bundle()
        try:
            source = self._source(kept.source)
        except Problem as problem:
            raise Problem(409, "Unknown source", problem.body.detail) from problem
        receipt = replace(self._intake.receipt(kept.body), received_at=kept.received_at)
        delivery = sender_of(source).readable(source, Delivery(kept.headers, kept.body))
        return await self._outcome(_Came(kept.source, source, delivery, receipt))

    def _source(self, name: str) -> SignedSource:
        source = self._intake.bundle().sources.get(name)
        if not isinstance(source, SignedSource):
            raise problems.unknown_source(name)
        return source

    def _without_secrets(self, source: SignedSource, readable: Delivery) -> Delivery:
        """Some vendors send along the whole address that they send to, a secret in it and all."""
        body = readable.body
        for name in source.secret_env:
            secret = self._environment.get(name, "")
            if len(secret) >= _TELLING:
                # As it is, in an address, and in PHP's JSON.
                for written in (secret, quote(secret, safe=""), secret.replace("/", "\\/")):
                    body = body.replace(written.encode(), b"***")
        return replace(readable, body=body)

    def _verify(self, came: _Came) -> None:
        schemes = sender_of(came.source).signing(came.source)
        missing = missing_settings(came.source, self._environment, self._address)
        given = [self._environment[name] for name in came.source.secret_env if name not in missing]
        try:
            signing.verify(schemes, given, came.delivery, came.receipt.received_at)
        except NotAuthenticError as error:
            # It may be signed with the very secret that is missing: then it must be sent again.
            if missing:
                raise problems.secrets_missing(missing) from error
            raise

    async def _outcome(self, came: _Came) -> Outcome:
        try:
            told = sender_of(came.source).read(came.source, came.delivery)
        except NotUnderstoodError as error:
            return Outcome([str(error)])
        became: list[Taken | str] = []
        for start in range(0, len(told), _TOGETHER):
            page = (self._take(came, each) for each in told[start : start + _TOGETHER])
            for each in await asyncio.gather(*page, return_exceptions=True):
                if isinstance(each, BaseException):
                    raise each
                became += each
        return Outcome(became)

    async def _take(self, came: _Came, told: Told) -> Sequence[Taken | str]:
        """What became of it, or why it is not understood. Raises Problem for our own fault."""
        if isinstance(told, Unread):
            return [told.reason]
        if isinstance(told, Passed):
            return []
        try:
            return await self._taken(came, told)
        except REFUSED as error:
            return [problems.problem_of(error).body.detail]
        except Problem as problem:
            if problem.body.status >= _OURS:
                raise
            return [problem.body.detail]

    async def _taken(self, came: _Came, item: Item) -> Sequence[Taken | str]:
        if item.fetch is not None:
            return [await self._fetch(came, item, item.fetch)]
        receipt = replace(came.receipt, part=item.part, mendable=False)
        document = item.document | {"source": came.name}
        match item.becomes:
            case "lead":
                return [await self._lead(came.name, document, receipt)]
            case "activity":
                return [await self._intake.activity(ActivityIn.model_validate(document), receipt)]
            case "followup":
                return [await self._intake.followup(FollowupIn.model_validate(document), receipt)]
            case "erasure":
                # What was said to one brand is not the other brands' to forget.
                asked = {"brand": came.source.brand, **document}
                given = PassedOnErasure.model_validate(asked)
                return await self._intake.erasure(given, receipt)

    async def _lead(self, name: str, document: dict[str, JsonValue], receipt: Receipt) -> Taken:
        lead, misfits = fitted(document, self._intake.bundle().definitions)
        taken = await self._intake.lead(lead, receipt)
        if misfits:
            self._metrics.unfitting_values.labels(name).inc(len(misfits))
            _LOG.warning("values do not fit their fields", source=name, fields=list(misfits))
        return taken

    async def _fetch(self, came: _Came, item: Item, wanted: Fetch) -> Taken | str:
        """Have the rest fetched; until then the lead waits, under the id that it has from now on.

        What is a lead by itself already is not asked for twice: a retry is the same event.
        """
        if item.becomes != "lead" or came.source.details is None:
            return f"its details can't be fetched: the bundle has no `details` for {came.name}"
        receipt = replace(came.receipt, part=item.part, mendable=False)
        document = item.document | {"source": came.name}
        given, _ = fitted(document, self._intake.bundle().definitions)
        event_id, named = self._intake.at_receipt(given, receipt)
        incomplete = Incomplete(
            event_id=event_id,
            item=item,
            wanted=wanted,
            delivery=self._kept(came, "it waits for its details", [named]),
            traceparent=receipt.traceparent,
            attempts=0,
            due_at=receipt.received_at,
        )
        try:
            await self._fetch_later(incomplete)
        except DATABASE_AWAY as error:
            raise problems.away() from error
        self._metrics.deliveries.labels(came.name, State.FETCHING.value).inc()
        return Taken(None, event_id, State.FETCHING)

    async def complete(self, given: Incomplete, fetcher: Fetcher) -> None:
        """Fetch the details of a lead, and take it as if it had come with them.

        Raises NotNowError and NeverError, and what taking raises.
        """
        try:
            source = self._source(given.delivery.source)
        except Problem as problem:
            if problem.body.status >= _OURS:
                raise
            raise NeverError(problem.body.detail) from problem
        completing = sender_of(source).completing
        if completing is None:
            raise NeverError("its sender gives no ids alone")
        details = await fetcher.details(source, given.wanted)
        try:
            item = completing(source, given.item, details)
        except NotUnderstoodError as error:
            raise NeverError(str(error)) from error
        receipt = Receipt(
            given.delivery.body,
            given.delivery.received_at,
            part=item.part,
            mendable=False,
            traceparent=given.traceparent,
            event_id=given.event_id,
        )
        document = item.document | {"source": given.delivery.source}
        await self._lead(given.delivery.source, document, receipt)

    async def _not_understood(self, came: _Came, outcome: Outcome) -> JsonValue:
        """Keep the delivery whole; where that can't be done, the sender must send it again."""
        kept = self._kept(came, outcome.why or "", outcome.lead_ids)
        try:
            await self._keep(kept, came.receipt.received_at)
        except DATABASE_AWAY as error:
            raise problems.away() from error
        self._metrics.deliveries.labels(came.name, "kept").inc()
        _LOG.warning("a delivery was not understood", source=came.name, delivery=str(kept.id))
        return {"state": "kept", "delivery": str(kept.id)}

    def _kept(self, came: _Came, why: str, lead_ids: Sequence[UUID]) -> FailedDelivery:
        """The delivery whole, but for its address, signatures and credentials.

        It is the same for each attempt, and another for what is told apart by a header alone, or
        by nothing but its time. Nobody knows yet whether it is an enquiry or a fact, so the shorter
        of the source's horizons counts: what is kept twice becomes one event where it is one.
        """
        sender, brand = sender_of(came.source), came.source.brand
        body = came.delivery.body
        received_at = came.receipt.received_at
        horizon = min(came.source.retry_horizon, came.source.repeat_horizon)
        alike = identity.digest_event_id(came.name, body, _NOBODY, received_at, horizon)
        repeated = sender.repeated(came.source, came.delivery)
        return FailedDelivery(
            id=identity.named_id("failed-delivery", str(alike), *repeated),
            source=came.name,
            headers=came.delivery.headers,
            body=body,
            reason=why,
            lead_ids=[*leads_of_addresses_in(self._intake.id_key, brand, body), *lead_ids],
            received_at=received_at,
        )


def missing_settings(
    source: SignedSource, environment: Mapping[str, str], address: str | None
) -> tuple[str, ...]:
    """The variables that a source needs and that are not as its sender has them."""
    schemes = sender_of(source).signing(source)
    missing = []
    for name in source.variables:
        try:
            signing.key(schemes, environment.get(name, ""))
        except UnusableSecretError:
            missing.append(name)
    if address is None and signing.signs_address(schemes):
        missing.append("BATON_WEBHOOKS_URL")
    return tuple(missing)


async def watch_secrets(
    in_force: Callable[[], Bundle | None],
    environment: Mapping[str, str],
    address: str | None,
    status: Status,
    pause: timedelta,
) -> None:
    """Say which sources can't be taken for want of a secret, with each new bundle; for ever."""
    said = None
    while True:
        bundle = in_force()
        if bundle is not None and bundle.hash != said:
            said = bundle.hash
            _say_what_is_missing(bundle, environment, address, status)
        await asyncio.sleep(pause.total_seconds())


def _say_what_is_missing(
    bundle: Bundle, environment: Mapping[str, str], address: str | None, status: Status
) -> None:
    found = {
        name: (
            *missing_settings(source, environment, address),
            *_missing_token(source, environment),
        )
        for name, source in bundle.sources.items()
        if isinstance(source, SignedSource)
    }
    wanted = [f"{' and '.join(names)} for {name}" for name, names in found.items() if names]
    if wanted:
        status.not_ready("webhooks", f"set in the environment: {'; '.join(wanted)}")
        _LOG.error("secrets are missing", wanted=wanted)
    else:
        status.ready("webhooks")


def _missing_token(source: SignedSource, environment: Mapping[str, str]) -> Sequence[str]:
    """The variable with which its vendor is asked for details, where it is of no use."""
    name = source.details.token_env if source.details else None
    if name is None or fits_header(environment.get(name, "")):
        return []
    there = environment.get(name)
    return [f"{name} (it has a character that no header can have)" if there else name]
