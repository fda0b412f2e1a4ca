"""definitions.yaml: the words that marketing and sales have agreed on."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, Field

from baton.events import FollowupType, Profile, Scalar, Stage
from baton.policy.conditions import ConditionResult
from baton.policy.fields import facts_of
from baton.policy.model import (
    ActivityCondition,
    DistinctIds,
    Flag,
    Id,
    NotEmpty,
    PolicyModel,
    ProfileCondition,
    ScoredCondition,
    String,
    Text,
    distinct,
    written,
)
from baton.policy.section import Section
from baton.policy.values import ValueKind, WrongKindError, coerced


class CustomField(PolicyModel):
    """A field of the company's own. `personal`: it says something about the person."""

    name: Annotated[
        String,
        written(
            r"[a-z][a-z0-9_]{0,63}",
            "must be lower-case letters, digits and _ (at most 64), a letter first",
        ),
    ]
    label: Text
    type: ValueKind
    personal: Flag

    def coerce(self, value: object) -> Scalar:
        """A sent value as this field carries it; None if missing. Raises CustomValueError."""
        try:
            return coerced(self.type, value)
        except WrongKindError as error:
            raise CustomValueError(self.name, str(error)) from error


class CustomValueError(ValueError):
    """A value does not fit the custom field `name`; the message is fit for the sender."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"custom.{name} {reason}")


def _distinct_names(fields: tuple[CustomField, ...]) -> tuple[CustomField, ...]:
    return distinct(fields, lambda field: field.name, "name")


CustomFields = Annotated[
    tuple[CustomField, ...], Field(max_length=500), AfterValidator(_distinct_names)
]


class NamedCampaign(PolicyModel):
    """A campaign name that marketing and sales agree on."""

    name: Text
    when: ProfileCondition


class TestLeads(PolicyModel):
    """A rule that recognises enquiries of test leads."""

    __test__ = False

    id: Id
    label: Text
    when: ProfileCondition


class BotActivities(PolicyModel):
    """A rule that recognises activities of bots, for example a click on a link that no person can
    see.
    """

    id: Id
    label: Text
    when: ActivityCondition


class QuarantineRule(PolicyModel):
    """A rule that puts enquiries into quarantine until a person decides."""

    id: Id
    label: Text
    when: ProfileCondition


class Grade(PolicyModel):
    """A letter for how good a lead is."""

    id: Id
    label: Text


class StageDefinition(PolicyModel):
    """The condition of a stage."""

    label: Text
    when: ScoredCondition


class Stages(PolicyModel):
    """The stages that marketing's criteria decide. Each is by itself: the highest that holds is it.

    Where none holds, a lead is a suspect.
    """

    prospect: StageDefinition
    lead: StageDefinition
    mql: StageDefinition

    @property
    def highest_first(self) -> tuple[tuple[Stage, StageDefinition], ...]:
        """Each stage with what makes it, in the order in which to ask."""
        return (
            (Stage.MQL, self.mql),
            (Stage.LEAD, self.lead),
            (Stage.PROSPECT, self.prospect),
        )


class Then(StrEnum):
    """The next step for a lead that a rep gives back."""

    REROUTE = "reroute"
    NURTURE = "nurture"
    DISQUALIFIED = "disqualified"


class FollowupReason(PolicyModel):
    """Why a rep declined a lead (it is rerouted) or rejected it (nurture or disqualified)."""

    code: Id
    label: Text
    then: Then
    give_back_turn: Flag = False
    counts_against_marketing: Flag = False

    @property
    def followup(self) -> FollowupType:
        """The follow-up that the reason belongs to."""
        return FollowupType.DECLINED if self.then is Then.REROUTE else FollowupType.REJECTED


def _distinct_codes(reasons: tuple[FollowupReason, ...]) -> tuple[FollowupReason, ...]:
    return distinct(reasons, lambda reason: reason.code, "code")


class Definitions(PolicyModel):
    """All of definitions.yaml.

    `grades` are best first; `campaigns` and `quarantine` are asked in their order.
    """

    custom_fields: CustomFields = ()
    campaigns: Annotated[tuple[NamedCampaign, ...], Field(max_length=200)] = ()
    test_leads: Annotated[tuple[TestLeads, ...], Field(max_length=50), DistinctIds] = ()
    bot_activities: Annotated[tuple[BotActivities, ...], Field(max_length=50), DistinctIds] = ()
    quarantine: Annotated[tuple[QuarantineRule, ...], Field(max_length=200), DistinctIds] = ()
    grades: Annotated[tuple[Grade, ...], Field(max_length=26), NotEmpty, DistinctIds]
    stages: Stages
    reasons: Annotated[tuple[FollowupReason, ...], NotEmpty, AfterValidator(_distinct_codes)]

    def holding(self, profile: Profile) -> tuple[QuarantineRule, ConditionResult] | None:
        """The first rule that holds an enquiry back, with what it saw; None where none does."""
        facts = facts_of(profile)
        for rule in self.quarantine:
            if rule.when.holds(facts):
                return rule, rule.when.evaluate(facts)
        return None

    def custom_field(self, name: str) -> CustomField | None:
        """The field of that name; None if nobody declared it."""
        return self._custom_fields.get(name)

    def reason(self, code: str) -> FollowupReason | None:
        return self._reasons.get(code)

    def reasons_for(self, followup: FollowupType) -> tuple[FollowupReason, ...]:
        """The reasons that a rep can give for `declined` or `rejected`."""
        return tuple(reason for reason in self.reasons if reason.followup is followup)

    @cached_property
    def _custom_fields(self) -> Mapping[str, CustomField]:
        return {field.name: field for field in self.custom_fields}

    @cached_property
    def _reasons(self) -> Mapping[str, FollowupReason]:
        return {reason.code: reason for reason in self.reasons}


def _names(definitions: Definitions) -> Mapping[str, Collection[str]]:
    return {
        "grade": [grade.id for grade in definitions.grades],
        "quarantine rule": [rule.id for rule in definitions.quarantine],
        "reason": [reason.code for reason in definitions.reasons],
    }


DEFINITIONS = Section("definitions.yaml", Definitions, names=_names)
