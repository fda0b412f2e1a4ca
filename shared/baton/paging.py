"""Pages of a list that is newest first: each goes on where the one before it ended."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from baton.problems import Problem

LONGEST_CURSOR = 200


@dataclass(frozen=True, slots=True)
class Position:
    """An entry of such a list; a page begins after one."""

    at: datetime
    id: UUID


def cursor(last: Position) -> str:
    """The cursor with which a client asks for the page after this entry."""
    text = f"{last.at.isoformat()} {last.id}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def position(cursor: str) -> Position:
    """The entry that a cursor means. Raises Problem 422 for anything else."""
    try:
        moment, id_ = base64.urlsafe_b64decode(cursor).decode().split(" ")
        return Position(datetime.fromisoformat(moment).astimezone(UTC), UUID(id_))
    except (ValueError, OverflowError) as error:
        detail = "must be the next_cursor of an earlier page"
        raise Problem(422, "Invalid request", detail, field="cursor") from error
