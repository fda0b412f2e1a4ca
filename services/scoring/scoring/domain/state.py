"""Scoring's state of a lead: its facts, each with id and time, and the score that was published
last. The facts are a set, sorted by (occurred_at, id): the result is the same in any order of
arrival and for duplicates. Score and stage follow from the facts, a bundle and a time alone.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from baton import identity
from baton.events import (
    ActivityType,
    Consent,
    ConsentStatus,
    FollowupType,
    History,
    LeadActivity,
    LeadCaptured,
    LeadFollowup,
    Profile,
    Score,
    Stage,
)

ENQUIRIES_KEPT = 20
"""The newest ones; of trial enquiries as many again."""

ACTIVITIES_KEPT = 50
"""The newest ones of each type, so that many page views can't push out the one webinar; of clicks
that intake has marked as a bot's as many again."""

FOLLOWUPS_KEPT = 50
"""The newest ones of each type."""

DECLARED = "declared"
"""The mark of what its sender calls a bot's."""

SUBJECT_KEPT = 500
"""The first characters of an activity's subject."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Enquiry(_Part):
    """A `lead.captured`. With `history` it was imported at `imported_at`: it has the person and the
    former state, and asks for no answer.
    """

    id: UUID
    occurred_at: AwareDatetime
    profile: Profile
    test: bool
    history: History | None = None
    imported_at: AwareDatetime | None = None

    @property
    def agreement(self) -> "Agreement | None":
        """The consent in this enquiry, or None. Its time may be earlier than the enquiry, but not
        later.
        """
        consent = self.profile.consent
        if consent.status is ConsentStatus.UNKNOWN:
            return None
        at = min(consent.at or self.occurred_at, self.occurred_at)
        return Agreement(id=self.id, at=at, consent=consent)

    @property
    def outcomes(self) -> "Iterator[Followup]":
        """The follow-ups from before the import."""
        for number, outcome in enumerate(self.history.outcomes if self.history else ()):
            yield Followup(
                id=identity.named_id("outcome", str(self.id), str(number)),
                occurred_at=outcome.occurred_at,
                type=outcome.type,
                reason=outcome.reason,
            )


class Activity(_Part):
    """A `lead.activity`.

    `counts` are the engagement criteria, by id, that it matches; None: not asked yet. `marked` is
    what told intake that a bot did it, `scanned` what tells so beside the lead's other activities.
    """

    id: UUID
    occurred_at: AwareDatetime
    received_at: AwareDatetime
    source: str
    type: ActivityType
    subject: str | None
    counts: tuple[str, ...] | None = None
    marked: str | None = None
    scanned: str | None = None

    @property
    def bot(self) -> str | None:
        """Why it is not the person's; None where it is."""
        return self.marked or self.scanned

    def as_event(self) -> LeadActivity:
        """The activity as conditions ask about it; whose it was is not among what they can ask."""
        return LeadActivity(
            lead_id=_ANYONE,
            occurred_at=self.occurred_at,
            received_at=self.received_at,
            source=self.source,
            type=self.type,
            subject=self.subject,
        )


class Followup(_Part):
    """A `lead.followup`. `reason` is a code of the bundle's table of reasons."""

    id: UUID
    occurred_at: AwareDatetime
    type: FollowupType
    reason: str | None


class Agreement(_Part):
    """A yes or no to marketing mail that an enquiry said, at `at`; `id` is the enquiry's."""

    id: UUID
    at: AwareDatetime
    consent: Consent


def newest_agreement(said: Iterable[Agreement | None]) -> Agreement | None:
    """The newest consent; if granted and denied have the same time, denied."""
    return max(
        filter(None, said),
        key=lambda each: (each.at, each.consent.status is ConsentStatus.DENIED, each.id),
        default=None,
    )


class PublishedScore(_Part):
    """The content of the latest `lead.scored`. `number` counts these events of a lead, from 1.
    `lapsed_at` is the time when the passing of time last ended the qualification. States of
    releases before `qualified_at` have None as `consent`.
    """

    number: int
    score: Score
    stage: Stage
    qualified_at: AwareDatetime | None = None
    lapsed_at: AwareDatetime | None = None
    consent: ConsentStatus | None = None


class Lead(_Part):
    """A lead's state. What bots did is not in it, but for clicks, which tell of others.

    `agreement` is the newest of all real enquiries, also of those that are past keeping.
    `counted_under` is the hash of the bundle by which the activities' `counts` were found;
    `cools_at` is when the timer that looks at the decay is due, None while none is set.
    """

    enquiries: tuple[Enquiry, ...] = ()
    activities: tuple[Activity, ...] = ()
    followups: tuple[Followup, ...] = ()
    agreement: Agreement | None = None
    counted_under: str | None = None
    cools_at: AwareDatetime | None = None
    told: PublishedScore | None = None

    @property
    def counted_enquiries(self) -> tuple[Enquiry, ...]:
        """The enquiries that count: test enquiries only while there are no others."""
        real = tuple(enquiry for enquiry in self.enquiries if not enquiry.test)
        return real or self.enquiries

    @property
    def is_test(self) -> bool:
        """Whether nothing but trial enquiries is known."""
        return all(enquiry.test for enquiry in self.enquiries)

    @property
    def imports(self) -> tuple[Enquiry, ...]:
        """The imported ones of the counted enquiries, in the order of their import."""
        found = [
            counted_enquiry
            for counted_enquiry in self.counted_enquiries
            if counted_enquiry.history is not None
        ]
        return tuple(sorted(found, key=lambda each: (each.imported_at, each.id)))

    @property
    def only_imported(self) -> bool:
        """Whether nothing has been heard of the person since the import."""
        imports = self.imports
        if not imports or len(imports) < len(self.counted_enquiries):
            return False
        since = imports[-1].imported_at
        return since is not None and all(
            activity.occurred_at <= since for activity in self.activities
        )

    @property
    def sales_facts(self) -> tuple[Followup, ...]:
        """All follow-ups, also those from before the import, oldest first."""
        before = (outcome for enquiry in self.imports for outcome in enquiry.outcomes)
        return tuple(sorted((*self.followups, *before), key=_order))

    def with_enquiry(self, event_id: UUID, data: LeadCaptured) -> "Lead":
        """The lead with one more enquiry; itself where it has that one or is past keeping it."""
        enquiry = Enquiry(
            id=event_id,
            occurred_at=data.occurred_at,
            profile=data.profile,
            test=data.test,
            history=data.history,
            imported_at=None if data.history is None else data.received_at,
        )
        kept = _with(self.enquiries, enquiry, lambda other: other.test, ENQUIRIES_KEPT)
        agreement = newest_agreement([self.agreement, None if data.test else enquiry.agreement])
        if kept is self.enquiries and agreement == self.agreement:
            return self
        return self.model_copy(update={"enquiries": kept, "agreement": agreement})

    def with_activity(self, event_id: UUID, data: LeadActivity) -> "Lead":
        """The lead with one more activity, not yet counted; itself where nothing changes."""
        if data.bot and data.type is not ActivityType.MAIL_CLICKED:
            return self
        activity = Activity(
            id=event_id,
            occurred_at=data.occurred_at,
            received_at=data.received_at,
            source=data.source,
            type=data.type,
            subject=data.subject[:SUBJECT_KEPT] if data.subject else None,
            marked=(data.bot_mark or DECLARED) if data.bot else None,
        )
        kept = _with(self.activities, activity, _sort, ACTIVITIES_KEPT)
        return self if kept is self.activities else self.model_copy(update={"activities": kept})

    def with_followup(self, event_id: UUID, data: LeadFollowup) -> "Lead":
        """The lead with one more follow-up; itself where nothing changes."""
        followup = Followup(
            id=event_id, occurred_at=data.occurred_at, type=data.type, reason=data.reason
        )
        kept = _with(self.followups, followup, lambda other: other.type, FOLLOWUPS_KEPT)
        return self if kept is self.followups else self.model_copy(update={"followups": kept})

    def since(self, moment: datetime) -> "Lead":
        """The lead as if nothing had been known of it until then, and nothing told."""
        enquiries = _after(self.enquiries, moment)
        kept = (enquiry.agreement for enquiry in enquiries if not enquiry.test)
        since = self.agreement if self.agreement and self.agreement.at > moment else None
        return Lead(
            enquiries=enquiries,
            activities=_after(self.activities, moment),
            followups=_after(self.followups, moment),
            agreement=newest_agreement([since, *kept]),
        )


def _sort(activity: Activity) -> Hashable:
    return activity.type, activity.marked is not None


class _Fact(Protocol):
    @property
    def id(self) -> UUID: ...

    @property
    def occurred_at(self) -> datetime: ...


F = TypeVar("F", bound=_Fact)

_ANYONE = UUID(int=0)


def _with(
    facts: tuple[F, ...], fact: F, group: Callable[[F], Hashable], most: int
) -> tuple[F, ...]:
    """The sorted facts with one more, and of its group the newest `most`; the same if unchanged.

    The newest of what was kept and what is new are the newest of all there ever was: so the order
    of arrival does not matter.
    """
    if any(other.id == fact.id for other in facts):
        return facts
    siblings = [other for other in facts if group(other) == group(fact)]
    dropped = None
    if len(siblings) >= most:
        dropped = min(siblings[0], fact, key=_order)
        if dropped is fact:
            return facts
    kept = [other for other in facts if other is not dropped]
    at = next((i for i, other in enumerate(kept) if _order(other) > _order(fact)), len(kept))
    kept.insert(at, fact)
    return tuple(kept)


def _after(facts: tuple[F, ...], moment: datetime) -> tuple[F, ...]:
    return tuple(fact for fact in facts if fact.occurred_at > moment)


def _order(fact: _Fact) -> tuple[datetime, UUID]:
    return fact.occurred_at, fact.id
