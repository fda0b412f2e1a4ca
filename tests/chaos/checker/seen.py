"""What Baton's clients saw, and which records were spoilt on purpose."""

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel


class Kind(StrEnum):
    """What was sent."""

    LEAD = "lead"
    ACTIVITY = "activity"
    FOLLOWUP = "followup"
    ACCEPT = "accept"
    DECLINE = "decline"


class Outcome(StrEnum):
    """What the client may rely on."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """Told that nothing came of it."""
    UNKNOWN = "unknown"
    """No answer, or one that promises nothing."""


class Taken(BaseModel, frozen=True):
    """The ids of an answer."""

    lead_id: UUID
    event_id: UUID


class Sent(BaseModel):
    """One delivery, however often it was sent. `email` is of its person, who is in no other run."""

    kind: Kind
    email: str
    outcome: Outcome
    tries: int
    answers: tuple[Taken, ...] = ()
    lead_id: UUID | None = None
    """Whom it named, where it named the lead by its id."""
    assignment_id: UUID | None = None


class Spoilt(BaseModel):
    """A record that no service can ever read, made of one of this type."""

    topic: str
    partition: int
    offset: int
    type: str


class Barred(BaseModel):
    """A lead that a table of one service refused until it was mended at the end."""

    lead_id: UUID
    service: str


class Seen(BaseModel):
    """All of a run."""

    seed: int
    sent: list[Sent] = []
    spoilt: list[Spoilt] = []
    barred: list[Barred] = []
