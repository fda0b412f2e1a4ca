"""What a sender reads of a delivery that was taken, or of a line of a batch."""

from pydantic import JsonValue

from ingest.capture.intake import Taken
from ingest.edge.problems import problem_of
from ingest.errors import IntakeError, TryLaterError


def taken_json(taken: Taken) -> dict[str, JsonValue]:
    """Of a delivery that was taken."""
    return {
        "state": taken.state.value,
        "lead_id": None if taken.lead_id is None else str(taken.lead_id),
        "event_id": str(taken.event_id),
    }


def line_json(became: Taken | IntakeError) -> dict[str, JsonValue]:
    """Of a line. One that has `failed` may be taken when it is sent again."""
    if isinstance(became, Taken):
        return taken_json(became)
    state = "failed" if isinstance(became, TryLaterError) else "refused"
    return {"state": state, "problem": problem_of(became).body.model_dump(exclude_none=True)}
