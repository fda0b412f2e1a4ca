"""A lead's story: what happened, in the order in which it did, each with its reasons."""

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Kind(StrEnum):
    """The kinds of happenings. Happenings of one moment are shown in this order."""

    ENQUIRY = "enquiry"
    IN_QUARANTINE = "held"
    LET_GO = "let_go"
    ACTIVITY = "activity"
    FOLLOWUP = "followup"
    SCORED = "scored"
    PROMISE_KEPT = "promise_kept"
    PROMISE_BROKEN = "promise_broken"
    PROMISE_DROPPED = "promise_dropped"
    RELEASED = "released"
    ROUTED = "routed"
    UNROUTED = "unrouted"
    PROMISED = "promised"
    WARNED = "warned"

    @property
    def rank(self) -> int:
        """Its place among all kinds."""
        return list(Kind).index(self)


class Mark(StrEnum):
    """The text in the left column of a detail."""

    YES = "yes"
    NO = "no"
    NONE = ""


class Part(BaseModel):
    """A frozen part."""

    model_config = ConfigDict(frozen=True)


class Detail(Part):
    """A reason or a circumstance. `on` is the value that it was decided on, in words."""

    says: str
    on: str | None = None
    points: int | None = None
    mark: Mark = Mark.NONE


class Happening(Part):
    """Something that happened to a lead."""

    at: AwareDatetime
    kind: Kind
    says: str
    details: tuple[Detail, ...] = ()


class Missing(Part):
    """A service that could not be asked: its part of the story is not told."""

    service: str
    why: str


class Story(Part):
    """All that is known of a lead. `person` has the person's details, `now` the present state."""

    model_config = ConfigDict(serialize_by_alias=True)

    lead_id: UUID
    person: tuple[str, ...] = Field(serialization_alias="who")
    now: tuple[str, ...]
    happened: tuple[Happening, ...]
    missing: tuple[Missing, ...] = ()
