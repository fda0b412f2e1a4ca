"""Assignments that follow an earlier one of the same rep."""

from datetime import datetime
from uuid import UUID

from baton.events import AssignmentChange, Rep
from baton.policy import teams as policy
from routing.domain.state import Assignment, Terms


def successor(
    earlier: Assignment, rep: policy.RepDefinition, id_: UUID, decision_id: UUID, at: datetime
) -> Assignment:
    """The earlier assignment, which goes on under a new id with the rep as the bundle has it."""
    return earlier.model_copy(
        update={
            "id": id_,
            "decision_id": decision_id,
            "rep": Rep(id=rep.id, name=rep.name, email=rep.email),
            "team": rep.team,
            "assigned_at": at,
            "previous_assignment": earlier.id,
            "earlier_ids": earlier.ids,
            "earlier_starts": earlier.starts,
            "began_at": earlier.since,
        }
    )


def renewed(following: Assignment, enquiry: UUID | None, terms: Terms) -> Assignment:
    """The same for a new enquiry of the lead, which the owner has to answer under these terms."""
    return following.model_copy(
        update={
            "enquiry": enquiry,
            "attempt": 1,
            "terms": terms,
            "previous_rep": following.rep.id,
            "accepted_at": None,
            "change": AssignmentChange.RENEWED,
        }
    )


def returned(following: Assignment, previous_rep: str | None) -> Assignment:
    """The same for a lead that comes back, since the breach that had taken it away was wrong."""
    return following.model_copy(
        update={"previous_rep": previous_rep, "change": AssignmentChange.RETURNED}
    )
