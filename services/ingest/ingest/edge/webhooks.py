"""A webhook: whose it is, whether it is theirs, and the answer that its vendor expects."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from pydantic import JsonValue

from baton.problems import Problem
from ingest.capture.deliveries import DeliveryCapture
from ingest.capture.intake import IntakeResult
from ingest.capture.receipt import ReceivedDelivery
from ingest.edge import problems
from ingest.edge.answers import result_json
from ingest.edge.webhook_secrets import missing_settings, redacted
from ingest.errors import IntakeError
from ingest.metrics import IngestMetrics
from ingest.policy.source import RateLimit
from ingest.senders.catalogue import sender_of
from ingest.senders.kit import signing
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.places import ForbiddenError, NotAuthenticError
from ingest.senders.kit.sender import Reply

_FOR_NOW = (429, 503)


class Webhooks:
    """Takes deliveries of the sources that the bundle declares."""

    def __init__(
        self,
        capture: DeliveryCapture,
        environment: Mapping[str, str],
        count_arrival: Callable[[str, RateLimit], None],
        metrics: IngestMetrics,
        address: str | None,
    ) -> None:
        """`environment` holds the secrets, by the names that the bundle has for them.

        `address` is what stands before the sources' names in the addresses that senders have.
        `came` is told of each delivery that is authentic. Raises Problem 429.
        """
        self._capture = capture
        self._environment = environment
        self._count_arrival = count_arrival
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
            source = self._capture.source(name)
        except IntakeError:
            return problem
        status = sender_of(source).not_now
        if status is None:
            return problem
        body = problem.body
        return Problem(status, body.title, body.detail, body.field, problem.headers)

    async def take(self, name: str, delivery: Delivery) -> Reply:
        """The answer that says what became of each thing that the delivery tells.

        Raises Problem: 401, 403, 405 or 429, or 503 where a secret is missing. Raises UnknownError
        and TryLaterError as capturing does: then the sender sends it again.
        """
        received = self._capture.received(name, delivery)
        source = received.source
        sender = sender_of(source)
        try:
            greeted = sender.handshake(source, delivery, self._environment)
            if greeted is not None:
                self._metrics.deliveries.labels(name, "handshake").inc()
                return greeted
            self._verify(received)
        except NotAuthenticError as error:
            self._metrics.deliveries.labels(name, "not_authentic").inc()
            is_forbidden = isinstance(error, ForbiddenError)
            refused = problems.forbidden if is_forbidden else problems.not_authentic
            raise refused(str(error)) from error
        if delivery.method != "POST":
            raise problems.not_a_delivery()
        self._count_arrival(name, source.rate_limit)
        readable = redacted(source, sender.readable(source, delivery), self._environment)
        receipt = replace(received.receipt, body=readable.body)
        received = replace(received, delivery=readable, receipt=receipt)
        outcome = await self._capture.outcome(received)
        failed: JsonValue = None
        if outcome.why:
            failed_id = await self._capture.keep_failed(received, outcome)
            failed = {"state": "kept", "delivery": str(failed_id)}
        results = [
            result_json(result) if isinstance(result, IntakeResult) else failed
            for result in outcome.became
        ]
        return sender.answer(delivery, results)

    def _verify(self, received: ReceivedDelivery) -> None:
        source = received.source
        schemes = sender_of(source).signing(source)
        missing = missing_settings(source, self._environment, self._address)
        secrets = [self._environment[name] for name in source.secret_env if name not in missing]
        try:
            signing.verify(schemes, secrets, received.delivery, received.receipt.received_at)
        except NotAuthenticError as error:
            # It may be signed with the very secret that is missing: then it must be sent again.
            if missing:
                raise problems.secrets_missing(missing) from error
            raise
