"""sla.yaml: what sales promises marketing for each lead."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from baton.events import FollowupType
from baton.policy.model import BusinessTime, Id, NotEmpty, PolicyModel, Text


class OnBreach(StrEnum):
    """What happens when a promise is broken."""

    REASSIGN = "reassign"
    NOTIFY = "notify"


class TargetName(StrEnum):
    """What can be promised."""

    FIRST_RESPONSE = "first_response"


class Target(PolicyModel):
    """A promise: a follow-up of `met_by` within `allowed` business time of the assignment."""

    allowed: BusinessTime
    warn_at_percent: Annotated[int, Field(strict=True, ge=1, le=99)] | None = None
    met_by: Annotated[frozenset[FollowupType], NotEmpty]
    on_breach: OnBreach

    @property
    def warn_after(self) -> timedelta | None:
        """The business time after which to warn, cut to whole milliseconds; None: never."""
        if self.warn_at_percent is None:
            return None
        millisecond = timedelta(milliseconds=1)
        return self.allowed * self.warn_at_percent // 100 // millisecond * millisecond


class SlaPolicy(PolicyModel):
    """The promises for the leads that a rule gives this policy."""

    label: Text
    targets: Annotated[dict[TargetName, Target], NotEmpty]


class Sla(PolicyModel):
    """All of sla.yaml."""

    policies: Annotated[dict[Id, SlaPolicy], NotEmpty]
