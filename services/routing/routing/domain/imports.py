"""A lead that sales had before it came to Baton: its owner keeps it, and nobody is told of it."""

from datetime import datetime

from baton.events import FollowupType, History, LeadScored, Stage
from routing.domain import choice as choosing
from routing.domain.codes import DecisionCode
from routing.domain.handling import Handling
from routing.domain.loads import WORKED
from routing.domain.state import IMPORTED, Terms

_GIVEN_BACK = frozenset({FollowupType.REJECTED, FollowupType.LOST})
_DONE = WORKED | {FollowupType.WON}
_SPOKEN_WITH = frozenset({Stage.SQL, Stage.OPPORTUNITY, Stage.CUSTOMER})


def imported(handling: Handling, data: LeadScored, history: History) -> None:
    """The owner has the lead, unless somebody has it already, or it was given back since.

    An owner whom the bundle does not know has it without us.
    """
    owner = history.owner
    if owner is None or handling.lead.held is not None or _given_back(history):
        return
    if handling.bundle.teams.rep(owner) is not None:
        worked_at = _worked_at(data, history)
        handling.leave_with(owner, _terms(handling), since=data.occurred_at, worked_at=worked_at)
        handling.decide(DecisionCode.IMPORTED)


def _given_back(history: History) -> bool:
    last = max(history.outcomes, key=lambda outcome: outcome.occurred_at, default=None)
    return last is not None and last.type in _GIVEN_BACK


def _worked_at(data: LeadScored, history: History) -> datetime | None:
    """When the owner had spoken with the lead; None where it still waits for that."""
    worked = [outcome.occurred_at for outcome in history.outcomes if outcome.type in _DONE]
    if worked:
        return min(worked)
    return data.occurred_at if history.stage in _SPOKEN_WITH else None


def _terms(handling: Handling) -> Terms:
    scored = handling.scored
    rule = choosing.match(scored.profile, scored.score, scored.stage, handling.bundle).rule
    if rule is None:
        return Terms(
            rule=IMPORTED, pool=IMPORTED, role=IMPORTED, sla_policy=IMPORTED, promised=False
        )
    return Terms(rule=IMPORTED, pool=rule.pool, role=rule.role, sla_policy=rule.sla)
