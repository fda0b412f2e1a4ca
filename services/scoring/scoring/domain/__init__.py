"""Decides score and stage of a lead: pure functions without I/O."""

from scoring.domain.assessment import Assessment, assess_profile
from scoring.domain.decision import SUBSCRIPTION, ScoreChange, decide
from scoring.domain.profile import merged
from scoring.domain.state import Lead

__all__ = [
    "SUBSCRIPTION",
    "Assessment",
    "Lead",
    "ScoreChange",
    "assess_profile",
    "decide",
    "merged",
]
