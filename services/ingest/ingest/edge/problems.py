"""The answers from 400 on, with what the sender should do; intake's errors as HTTP has them."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from baton.problems import Problem
from ingest.errors import (
    ConflictError,
    IntakeError,
    RejectedError,
    StorageAwayError,
    TooLargeError,
    TryLaterError,
    UnknownError,
    UnreadableError,
)

_STATUS = {
    RejectedError: 422,
    UnreadableError: 400,
    TooLargeError: 413,
    UnknownError: 404,
    ConflictError: 409,
    TryLaterError: 503,
}
_RETRY_AFTER = {"Retry-After": "5"}


def problem_of(error: IntakeError) -> Problem:
    """The answer to a delivery that intake does not take."""
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    headers = _RETRY_AFTER if isinstance(error, TryLaterError) else None
    return Problem(status, error.title, error.reason, error.field, headers)


@contextmanager
def as_problems() -> Iterator[None]:
    """Raises Problem for what the block does not take."""
    try:
        yield
    except IntakeError as error:
        raise problem_of(error) from error


def encoded() -> Problem:
    return Problem(
        415,
        "Content-Encoding not supported",
        "send the body without a Content-Encoding",
        field="Content-Encoding",
    )


def charset(name: str) -> Problem:
    return Problem(415, "Charset not supported", f"send UTF-8, not {name}", field="Content-Type")


def cut_off() -> Problem:
    return Problem(
        400,
        "Body cut off",
        "the connection ended before the end of the body; send the delivery again",
    )


def too_slow(rate: int) -> Problem:
    return Problem(
        408, "Body too slow", f"send it at {rate} bytes a second or faster, or in smaller parts"
    )


def too_many(source: str, seconds: float) -> Problem:
    return Problem(
        429,
        "Too many at once",
        f"the policy has a rate_limit for the source '{source}': "
        "send it again after the time in Retry-After",
        headers={"Retry-After": str(math.ceil(seconds))},
    )


def too_busy() -> Problem:
    """Nothing was stored, because too many requests are in progress."""
    return Problem(
        503, "Too busy", "send it again after the time in Retry-After", headers=_RETRY_AFTER
    )


def away() -> Problem:
    """It is not known whether the delivery was kept."""
    return problem_of(StorageAwayError())


def not_a_delivery() -> Problem:
    return Problem(405, "Method not allowed", "send deliveries by POST", headers={"Allow": "POST"})


def secrets_missing(names: tuple[str, ...]) -> Problem:
    return Problem(
        503,
        "The source's secret is missing",
        f"set {' and '.join(names)} in the environment of ingest",
        headers=_RETRY_AFTER,
    )


def not_authentic(reason: str) -> Problem:
    return Problem(401, "Signature refused", reason)


def forbidden(reason: str) -> Problem:
    return Problem(403, "Handshake refused", reason)
