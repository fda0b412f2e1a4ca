"""From which stage on sales gets leads, as all services that ask understand it."""

from typing import Annotated

from pydantic import AfterValidator

from baton.events import Stage
from baton.policy.model import PolicyModel

_WAY = tuple(stage for stage in Stage if stage not in (Stage.NURTURE, Stage.DISQUALIFIED))
"""The stages in their order, without those that are aside."""


def _on_the_way(stage: Stage) -> Stage:
    if stage not in _WAY:
        msg = "must be a stage on the way from suspect to customer"
        raise ValueError(msg)
    return stage


class FromStage(PolicyModel):
    """A section, or what a reader needs of it, that says from which stage on sales gets leads."""

    from_stage: Annotated[Stage, AfterValidator(_on_the_way)] = Stage.MQL

    def takes(self, stage: Stage) -> bool:
        """Whether sales gets a lead of that stage: nurture and disqualified are aside."""
        return stage in _WAY and _WAY.index(stage) >= _WAY.index(self.from_stage)
