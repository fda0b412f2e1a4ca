"""The answers from 400 on, with what the sender should do."""

import math
import re
from typing import TypeGuard

from pydantic import ValidationError

from baton import cloudevents
from baton.lead_table import UnusableColumnsError
from baton.problems import Problem
from ingest.capture.events import WrongFieldError
from ingest.documents import NotJsonError, UnusableValueError, path_text
from ingest.identity.person import NoIdentityError
from ingest.publish.publisher import NotTaken, TooLargeEventError

Refused = NotJsonError | UnusableValueError | ValidationError | WrongFieldError | NoIdentityError
REFUSED = (NotJsonError, UnusableValueError, ValidationError, WrongFieldError, NoIdentityError)
"""A delivery that can't be used as it is: whoever sent it must change it."""

_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
_RETRY_AFTER = {"Retry-After": "5"}


def problem_of(error: Refused) -> Problem:
    """What is wrong with a delivery, by field."""
    match error:
        case NotJsonError():
            return Problem(400, "Broken JSON", str(error))
        case ValidationError():
            first = error.errors(include_input=False, include_url=False)[0]
            return Problem(
                422, "Invalid delivery", cloudevents.describe(error), field=path_text(first["loc"])
            )
        case _:
            return Problem(422, "Invalid delivery", str(error), field=error.field)


def is_refused(error: Exception) -> TypeGuard[Refused]:
    return isinstance(error, REFUSED)


def body_too_large(limit: int) -> Problem:
    return Problem(413, "Body too large", f"at most {limit} bytes are taken")


def event_too_large(reason: str) -> Problem:
    return Problem(413, "Too much in one delivery", reason)


def encoded() -> Problem:
    return Problem(
        415, "Content-Encoding is not taken", "send the body as it is", field="Content-Encoding"
    )


def cut_off() -> Problem:
    return Problem(400, "Body cut off", "the connection ended before the body did")


def too_slow(rate: int) -> Problem:
    return Problem(
        408, "Body too slow", f"send it at {rate} bytes a second or faster, or in smaller parts"
    )


def too_many(source: str, seconds: float) -> Problem:
    return Problem(
        429,
        "Too many at once",
        f"the policy has a rate_limit for the source '{source}': send it again a little later",
        headers={"Retry-After": str(math.ceil(seconds))},
    )


def too_busy() -> Problem:
    """Nothing was kept: there is too much to do already."""
    return Problem(503, "Too busy", "send it again a little later", headers=_RETRY_AFTER)


def no_policy() -> Problem:
    return Problem(
        503,
        "No policy to go by",
        "leads are taken once a bundle is in force that this release can read; /readyz says more",
        headers=_RETRY_AFTER,
    )


def away() -> Problem:
    """Neither Kafka nor PostgreSQL, or the one that is needed: nothing was kept."""
    return Problem(
        503, "Nothing to keep it in", "send it again a little later", headers=_RETRY_AFTER
    )


def too_much_waits() -> Problem:
    return Problem(
        503,
        "Too much waits",
        "it names nobody who is known, and no more can be kept that does; "
        "`baton waiting list` shows what waits",
        headers=_RETRY_AFTER,
    )


def not_taken(error: NotTaken) -> Problem:
    """Why an event that was understood is not kept."""
    if isinstance(error, TooLargeEventError):
        return event_too_large(str(error))
    return away()


def charset(name: str) -> Problem:
    return Problem(415, "Charset is not taken", f"send UTF-8, not {name}", field="Content-Type")


def unusable_columns(error: UnusableColumnsError) -> Problem:
    return Problem(422, "Unusable header", str(error), field=path_text((error.column,)))


def broken_row(reason: str) -> Problem:
    return Problem(400, "Broken row", reason)


def unknown_source(name: str) -> Problem:
    """No 404 where a bundle may be mended: some vendors switch a webhook off at the first one."""
    if not _NAME.fullmatch(name):
        return Problem(404, "Not found", "no source can have this name")
    return Problem(
        503,
        "Unknown source",
        f"the policy declares no webhook source '{name}': add it, or mend the address",
        headers=_RETRY_AFTER,
    )


def not_a_delivery() -> Problem:
    return Problem(405, "Method not allowed", "deliveries come by POST", headers={"Allow": "POST"})


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
