"""How many deliveries of a source this process takes: a bucket of tokens for each."""

from collections.abc import Callable
from dataclasses import dataclass

from ingest.policy.source import RateLimit


@dataclass(frozen=True, slots=True)
class Bucket:
    """The tokens that a source had left at a time, in seconds of a clock that only goes forward."""

    tokens: float
    at: float


def take_token(bucket: Bucket, limit: RateLimit, now: float) -> tuple[Bucket, float]:
    """The bucket after one more delivery, and the seconds to wait: 0 if the delivery is accepted. A
    refused delivery costs no token. A changed limit counts from the next delivery on.
    """
    refilled = bucket.tokens + (now - bucket.at) * limit.per_second
    tokens = min(float(limit.at_once), refilled)
    if tokens >= 1:
        return Bucket(tokens - 1, now), 0
    return Bucket(tokens, now), (1 - tokens) / limit.per_second


class Rates:
    """The buckets of this process's sources; `clock` is in seconds and only goes forwards."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}

    def wait(self, name: str, limit: RateLimit) -> float:
        """Take a delivery of a source that the policy declares: 0, or the seconds to wait."""
        now = self._clock()
        full = Bucket(limit.at_once, now)
        bucket, wait = take_token(self._buckets.get(name, full), limit, now)
        self._buckets[name] = bucket
        return wait
