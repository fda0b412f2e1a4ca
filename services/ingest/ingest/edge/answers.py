"""The JSON answers to accepted deliveries and to the lines of a batch."""

from pydantic import JsonValue

from ingest.capture.intake import IntakeResult
from ingest.edge.problems import problem_of
from ingest.errors import IntakeError, TryLaterError


def result_json(result: IntakeResult) -> dict[str, JsonValue]:
    """Of a delivery that was taken."""
    return {
        "state": result.state.value,
        "lead_id": None if result.lead_id is None else str(result.lead_id),
        "event_id": str(result.event_id),
    }


def line_json(became: IntakeResult | IntakeError) -> dict[str, JsonValue]:
    """The answer to a line. A line that `failed` may be accepted when it is sent again."""
    if isinstance(became, IntakeResult):
        return result_json(became)
    state = "failed" if isinstance(became, TryLaterError) else "refused"
    return {"state": state, "problem": problem_of(became).body.model_dump(exclude_none=True)}
