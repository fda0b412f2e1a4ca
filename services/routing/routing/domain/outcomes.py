"""The outcomes of a rep's command; `api.py` makes the HTTP answer of each. An outcome is stored as
JSON until its request reads it. The request may wait in a process of an older or newer release, so
the texts of `outcome` must never change.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from baton.runtime.decisions import Answer
from baton.values import Moment, Name
from routing.domain.state import Part


class Holder(Part):
    """The rep who has a lead."""

    assignment_id: UUID
    rep: str
    attempt: int
    accepted_at: Moment | None


class Unrouted(Part):
    """Why nobody has the lead, as last told; it is tried again at `retry_at`."""

    code: Name
    retry_at: datetime | None


class WhoHasIt(Part):
    """The rep who has a lead now. If there is none, `unrouted` has the reason."""

    lead_id: UUID
    assignment: Holder | None
    unrouted: Unrouted | None


class Accepted(Part):
    """The rep takes the lead on, or had done so before."""

    outcome: Literal["accepted"] = "accepted"
    lead: WhoHasIt


class Declined(Part):
    """The lead is no longer the rep's."""

    outcome: Literal["declined"] = "declined"
    lead: WhoHasIt


class UnknownLead(Part):
    """Routing knows nothing of the lead."""

    outcome: Literal["unknown_lead"] = "unknown_lead"
    lead_id: UUID


class WithoutOwner(Part):
    """No rep has the lead; `code` says why, if that is known."""

    outcome: Literal["without_owner"] = "without_owner"
    code: Name | None


class NotTheOwner(Part):
    """The rep or the assignment that the command names (`named`) is not the lead's current one."""

    outcome: Literal["not_the_owner"] = "not_the_owner"
    named: Literal["rep", "assignment_id"]
    rep: Name
    assignment_id: UUID


class UnknownReason(Part):
    """The bundle does not let a lead be declined for that reason."""

    outcome: Literal["unknown_reason"] = "unknown_reason"
    reason: Name
    allowed: tuple[str, ...]


Outcome = Accepted | Declined | UnknownLead | WithoutOwner | NotTheOwner | UnknownReason

OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Annotated[Outcome, Field(discriminator="outcome")])
"""Reads an outcome from its JSON."""


def answer(outcome: Outcome) -> Answer:
    """The outcome as it is kept for its request."""
    return Answer(outcome.outcome, outcome.model_dump(mode="json"))
