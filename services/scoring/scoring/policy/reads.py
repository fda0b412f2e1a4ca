"""The sections of the policy that scoring reads."""

from pydantic import ConfigDict

from baton.policy.definitions import DEFINITIONS
from baton.policy.section import Section
from baton.policy.stages import FromStage
from scoring.policy.scoring import SCORING


class RoutedStages(FromStage):
    """Of routing.yaml: which leads sales gets."""

    model_config = ConfigDict(extra="ignore")


ROUTED_STAGES = Section("routing.yaml", RoutedStages)

READS = (DEFINITIONS, SCORING, ROUTED_STAGES)
