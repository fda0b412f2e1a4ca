"""Routing's HTTP interface: who has a lead and why, who has how many, and what a rep answers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from baton.problems import Problem, ProblemBody
from baton.runtime.commands import Commands
from baton.runtime.decisions import Answer, RunnerOutcome
from baton.subjects import Subject
from routing.domain.commands import ACCEPT, DECLINE, Acceptance, Refusal
from routing.domain.outcomes import (
    OUTCOME,
    Accepted,
    Declined,
    NotTheOwner,
    UnknownLead,
    UnknownReason,
    WhoHasIt,
    WithoutOwner,
)
from routing.records import HistoryRecord, RepRecord
from routing.store import NoPolicyError, Reads


class RepsView(BaseModel):
    """All reps."""

    reps: tuple[RepRecord, ...]


class LaterView(BaseModel):
    """The command is kept and will take effect; its outcome shows in the lead's assignments."""

    lead_id: UUID
    status: str = "accepted"


def router(reads: Reads, commands: Commands) -> APIRouter:
    """The routes. A lead is changed by its shard alone, which may be another process's."""
    routes = APIRouter(prefix="/v1", tags=["routing"])

    @routes.get(
        "/leads/{lead_id}/assignments",
        summary="Who has a lead, who had it, and why",
        responses={404: {"model": ProblemBody}},
    )
    async def assignments(
        lead_id: UUID,
        decisions: Annotated[
            int, Query(ge=1, le=1000, description="how many decisions to give, the newest")
        ] = 100,
    ) -> HistoryRecord:
        """All assignments of a lead, and the decisions with what they depended on."""
        history = await reads.history(lead_id, decisions)
        if history is None:
            raise _unknown(lead_id)
        return history

    @routes.get(
        "/reps", summary="The reps and their open leads", responses={503: {"model": ProblemBody}}
    )
    async def reps() -> RepsView:
        """Each rep with team, pools, capacity, open leads and the time of the last assignment."""
        try:
            return RepsView(reps=tuple(await reads.reps()))
        except NoPolicyError as error:
            raise Problem(503, "No policy", str(error), headers={"Retry-After": "5"}) from error

    answers: dict[int | str, dict[str, object]] = {
        202: {"model": LaterView},
        404: {"model": ProblemBody},
        409: {"model": ProblemBody},
        422: {"model": ProblemBody},
    }

    @routes.post(
        "/leads/{lead_id}/accept",
        summary="A rep takes a lead on",
        response_model=WhoHasIt,
        responses=answers,
    )
    async def accept(lead_id: UUID, body: Acceptance) -> Response:
        """The rep of the current assignment accepts it; doing so twice changes nothing."""
        command_body = body.model_dump(mode="json")
        return _answered(lead_id, await commands.ask(Subject.lead(lead_id), ACCEPT, command_body))

    @routes.post(
        "/leads/{lead_id}/decline",
        summary="A rep says that a lead is not theirs",
        response_model=WhoHasIt,
        responses=answers,
    )
    async def decline(lead_id: UUID, body: Refusal) -> Response:
        """The lead goes to another rep at once; the answer says to whom, or why to nobody."""
        command_body = body.model_dump(mode="json")
        return _answered(lead_id, await commands.ask(Subject.lead(lead_id), DECLINE, command_body))

    return routes


def _answered(lead_id: UUID, answer: Answer | None) -> Response:
    """The answer of the lead's shard. Raises Problem where it is a refusal."""
    if answer is None:
        return JSONResponse(LaterView(lead_id=lead_id).model_dump(mode="json"), status_code=202)
    if answer.outcome == RunnerOutcome.DEAD_LETTER:
        raise Problem(500, "It became a dead letter", "")
    stale = "Not the current assignment"
    match OUTCOME.validate_python(answer.body):
        case Accepted(lead=lead) | Declined(lead=lead):
            return JSONResponse(lead.model_dump(mode="json"))
        case UnknownLead(lead_id=unknown):
            raise _unknown(unknown)
        case WithoutOwner(code=code):
            why = f" ({code})" if code else ""
            raise Problem(409, stale, f"nobody has the lead now{why}", field="assignment_id")
        case NotTheOwner(named=named, rep=rep, assignment_id=current):
            detail = f"{rep} has the lead now, by assignment {current}"
            raise Problem(409, stale, detail, field=named)
        case UnknownReason(reason=reason, allowed=allowed):
            detail = f"no reason to decline a lead is {reason!r}; there are {', '.join(allowed)}"
            raise Problem(422, "Unknown reason", detail, field="reason")


def _unknown(lead_id: UUID) -> Problem:
    return Problem(404, "Unknown lead", f"lead {lead_id} is not known")
