"""tests.yaml: leads, and what must become of them under the bundle."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    ValidationInfo,
)

from baton.events import ActivityType, LeadActivity, Profile, Stage
from baton.policy.definitions import DEFINITIONS
from baton.policy.fields import Fields, UnknownFieldError
from baton.policy.model import Flag, Id, PolicyModel, Text, distinct, vocabulary_of
from baton.policy.problems import Fault, FaultsError, Place
from baton.policy.section import Section, Sections
from baton.policy.values import ValueKind, WrongKindError, typed

NOW = datetime(2026, 1, 14, 12, tzinfo=UTC)
"""When a test takes place unless it says `now`: a Wednesday."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

_NOBODY = UUID(int=0)
_UNSET_BRAND = "-"


def _profile(data: object, info: ValidationInfo) -> Profile:
    """A profile as tests.yaml writes it; `LeadTest.of_brand` gives it its source's brand."""
    if not isinstance(data, dict):
        msg = "must be a lead: source, contact, company, ..."
        raise ValueError(msg)  # noqa: TRY004 - pydantic reports ValueError
    faults = list(_unfit(data, (), vocabulary_of(info).profile))
    if faults:
        raise FaultsError(faults).as_validation_error()
    return Profile.model_validate({"brand": _UNSET_BRAND, **data})


def _unfit(data: dict[str, object], place: Place, fields: Fields) -> list[Fault]:
    faults = []
    for key, value in data.items():
        here = (*place, key)
        if isinstance(value, dict):
            faults += _unfit(value, here, fields)
            continue
        try:
            field = fields.look_up(".".join(str(step) for step in here))
            if field is not None:
                typed(field.kind, value)
        except (UnknownFieldError, WrongKindError) as error:
            faults.append(Fault(here, error.args[0]))
    return faults


def _moment(data: object) -> object:
    try:
        return typed(ValueKind.TIME, data)
    except WrongKindError as error:
        raise ValueError(str(error)) from error


class TestActivity(PolicyModel):
    """Something the lead did, so many days before the test's `now`, and seconds after that."""

    __test__ = False

    type: ActivityType
    subject: Text | None = None
    source: Id | None = None
    bot: Flag = False
    days_ago: Annotated[int, Field(strict=True, ge=0, le=36_500)] = 0
    seconds_later: Annotated[int, Field(strict=True, ge=0, le=86_400)] = 0


class Expected(PolicyModel):
    """The expected result for the lead; a property that is not given is not compared. `quarantine`
    is the rule that stops the enquiry, `exclusion` the rule for which no rep gets the lead.
    """

    quarantine: Id | None = None
    fit: Annotated[int, Field(strict=True)] | None = None
    engagement: Annotated[int, Field(strict=True)] | None = None
    total: Annotated[int, Field(strict=True)] | None = None
    grade: Id | None = None
    stage: Stage | None = None
    exclusion: Id | None = None
    rule: Id | None = None
    pool: Id | None = None
    role: Id | None = None
    sla: Id | None = None


class LeadTest(PolicyModel):
    """One lead and its end. Run through scoring's and routing's own decisions by `baton policy`."""

    name: Text
    now: Annotated[AwareDatetime, Field(ge=EARLIEST), BeforeValidator(_moment)] = NOW
    lead: Annotated[Profile, BeforeValidator(_profile)]
    activities: Annotated[tuple[TestActivity, ...], Field(max_length=1000)] = ()
    expect: Expected

    def of_brand(self, brand: str) -> Self:
        """The test with its lead of that brand, unless it names one itself."""
        if self.lead.brand != _UNSET_BRAND:
            return self
        return self.model_copy(update={"lead": self.lead.model_copy(update={"brand": brand})})

    def moment_of(self, activity: TestActivity) -> datetime:
        """When it happened."""
        then = self.now - timedelta(days=activity.days_ago)
        return then + timedelta(seconds=activity.seconds_later)

    def activity_events(self) -> tuple[LeadActivity, ...]:
        """The activities as events of a lead whose id is all zeros."""
        return tuple(
            LeadActivity(
                lead_id=_NOBODY,
                occurred_at=self.moment_of(activity),
                received_at=self.moment_of(activity),
                source=activity.source or self.lead.source,
                type=activity.type,
                subject=activity.subject,
                bot=activity.bot,
            )
            for activity in self.activities
        )


def _distinct_names(tests: tuple[LeadTest, ...]) -> tuple[LeadTest, ...]:
    return distinct(tests, lambda test: test.name, "name")


class LeadTests(PolicyModel):
    """All of tests.yaml."""

    tests: Annotated[
        tuple[LeadTest, ...], Field(max_length=1000), AfterValidator(_distinct_names)
    ] = ()


_KINDS = {
    "grade": "grade",
    "quarantine": "quarantine rule",
    "exclusion": "exclusion",
    "rule": "rule",
    "pool": "pool",
    "role": "role",
    "sla": "SLA policy",
}
"""The keys of a test's expectation that are names, with the kind of each."""


def _find_faults(tests: LeadTests, sections: Sections) -> Iterator[Fault]:
    for i, test in enumerate(tests.tests):
        yield from sections.check_name(("tests", i, "lead", "source"), "source", test.lead.source)
        for key, kind in _KINDS.items():
            name = getattr(test.expect, key)
            if name is not None:
                yield from sections.check_name(("tests", i, "expect", key), kind, name)


TESTS = Section(
    "tests.yaml", LeadTests, optional=True, needs=(DEFINITIONS,), find_faults=_find_faults
)
