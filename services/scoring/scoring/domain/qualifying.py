"""Computes `qualified_at`: the start of the time in which the lead is qualified without a break, in
the time of the facts. A reader compares it with the time of a rejection to see whether the lead
qualified again. After a rejection it is the time of the first later fact for which the lead
qualifies, in any order of arrival.
"""

from datetime import datetime

from baton.events import Stage
from baton.policy.bundle import Bundle
from scoring.domain import stages
from scoring.domain.state import Lead
from scoring.policy.reads import ROUTED_STAGES


def is_qualified(lead: Lead, stage: Stage, bundle: Bundle) -> bool:
    """Whether sales is to have the lead: a real one, of which more is known than its import."""
    return (
        bundle.section(ROUTED_STAGES).takes(stage) and not lead.is_test and not lead.only_imported
    )


def qualified_at(lead: Lead, at: datetime, stage: Stage, bundle: Bundle) -> datetime | None:
    """The start of the qualified time, or None. `at` is the time of the cause. A rejection by sales
    and the decay of points are breaks.
    """
    if not is_qualified(lead, stage, bundle):
        return None
    lapsed_at = lead.told.lapsed_at if lead.told else None
    broken = stages.give_back(lead, bundle)
    if broken is not None and (lapsed_at is None or broken.at >= lapsed_at) and broken.resumed_at:
        return broken.resumed_at
    known = known_since(lead, bundle)
    if known is not None:
        return known
    return at if lapsed_at is None else max(at, lapsed_at)


def known_since(lead: Lead, bundle: Bundle) -> datetime | None:
    """The `qualified_at` that was published last. If an older release published none, the time of
    the lead's oldest enquiry.
    """
    told = lead.told
    if told is None:
        return None
    if told.consent is not None:
        return told.qualified_at
    qualified = is_qualified(lead, told.stage, bundle)
    return lead.counted_enquiries[0].occurred_at if qualified else None
