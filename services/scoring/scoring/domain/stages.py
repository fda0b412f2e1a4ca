"""Decides the stage of a lead. If there are follow-ups, they decide, in the order in which they
happened; else the bundle's definitions do. An imported stage of sales counts like a follow-up at
the time of the import. An imported stage of marketing counts until the next fact of the person.

| follow-up | stage |
|---|---|
| accepted, claimed, meeting booked | sal: sales has taken it on |
| meeting held, converted | sql: sales has found it worth selling to |
| opportunity | opportunity |
| won | customer, for good |
| rejected, lost | nurture or disqualified, as the bundle says of the reason; nurture without one |

None of them moves a lead back but the last row. The others say nothing about quality: a lead that
was declined, tried, reached or noted on stays where it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from baton.events import FollowupType, Profile, Reason, Score, Stage
from baton.policy.bundle import Bundle
from baton.policy.definitions import Then
from baton.policy.fields import facts_of
from scoring.domain.points import engagement, rewarded, score
from scoring.domain.state import Enquiry, Followup, Lead

_REACHED = {
    FollowupType.ACCEPTED: Stage.SAL,
    FollowupType.CLAIMED: Stage.SAL,
    FollowupType.MEETING_BOOKED: Stage.SAL,
    FollowupType.MEETING_HELD: Stage.SQL,
    FollowupType.CONVERTED: Stage.SQL,
    FollowupType.OPPORTUNITY: Stage.OPPORTUNITY,
    FollowupType.WON: Stage.CUSTOMER,
}
_GIVEN_BACK = frozenset({FollowupType.REJECTED, FollowupType.LOST})
_UPWARDS = (Stage.SAL, Stage.SQL, Stage.OPPORTUNITY, Stage.CUSTOMER)
_OF_SALES = frozenset({*_UPWARDS, Stage.NURTURE, Stage.DISQUALIFIED})
_AFTER = {Then.NURTURE: Stage.NURTURE, Then.DISQUALIFIED: Stage.DISQUALIFIED}


@dataclass(frozen=True, slots=True)
class Standing:
    """A stage, and for each thing that was asked on the way to it a reason with its clauses."""

    stage: Stage
    reasons: tuple[tuple[Reason, ...], ...]


@dataclass(frozen=True, slots=True)
class SalesView:
    """The stage by sales, its start, and the fact that caused it."""

    stage: Stage
    since: datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class GiveBack:
    """When sales last gave the lead back, and the first fact after that which speaks for it.

    `resumed_at` is later than `at`; None where nothing since then counts.
    """

    at: datetime
    resumed_at: datetime | None


def by_sales(lead: Lead, bundle: Bundle) -> SalesView | None:
    """The stage by sales, or None without follow-ups."""
    views = _views(lead, bundle)
    return views[-1] if views else None


def give_back(lead: Lead, bundle: Bundle) -> GiveBack | None:
    """The time when sales last rejected the lead, in any order of arrival; None if it never did.
    `standing` decides what ends such a break: an enquiry, a follow-up, or out of nurture an
    activity with points.
    """
    views = _views(lead, bundle)
    last = next((n for n in reversed(range(len(views))) if views[n].stage in _AFTER.values()), None)
    if last is None:
        return None
    given_back = views[last]
    times = [enquiry.occurred_at for enquiry in lead.counted_enquiries if not enquiry.history]
    if given_back.stage is Stage.NURTURE:
        times += rewarded(lead.activities, bundle)
    later = [at for at in times if at > given_back.since]
    # Sales may take a lead on in the minute in which it gave it back; the later of both holds.
    by_hand = [max(v.since, given_back.since + timedelta.resolution) for v in views[last + 1 :]]
    return GiveBack(given_back.since, min([*later, *by_hand], default=None))


def _views(lead: Lead, bundle: Bundle) -> list[SalesView]:
    """The stage by sales after each follow-up that changes it, oldest first. An import sets the
    stage at its time.
    """
    told = _as_told(lead)
    facts = lead.sales_facts
    if told is None:
        return _moved(None, facts, bundle)
    before = [fact for fact in facts if fact.occurred_at <= told.since]
    after = facts[len(before) :]
    return [*_moved(None, before, bundle), told, *_moved(told, after, bundle)]


def _moved(view: SalesView | None, facts: Sequence[Followup], bundle: Bundle) -> list[SalesView]:
    """Each view that these follow-ups lead to, from that one on."""
    views = []
    for followup in facts:
        stage = _said_by(followup, bundle)
        if stage is not None and (view is None or _moves(view.stage, stage)):
            view = SalesView(stage, followup.occurred_at, _reason(followup, bundle))
            views.append(view)
    return views


def _as_told(lead: Lead) -> SalesView | None:
    """The stage by sales of the latest import that has one."""
    for enquiry in reversed(lead.imports):
        stage = _told(enquiry)
        if enquiry.imported_at is not None and stage is not None and stage in _OF_SALES:
            return SalesView(stage, enquiry.imported_at, _reason_of_import(enquiry))
    return None


def _told(enquiry: Enquiry) -> Stage | None:
    return enquiry.history.stage if enquiry.history else None


def _said_by(followup: Followup, bundle: Bundle) -> Stage | None:
    if followup.type not in _GIVEN_BACK:
        return _REACHED.get(followup.type)
    reason = bundle.definitions.reason(followup.reason) if followup.reason else None
    return _AFTER.get(reason.then) if reason else Stage.NURTURE


def _moves(before: Stage, stage: Stage) -> bool:
    if before is Stage.CUSTOMER:
        return False
    if before in _UPWARDS and stage in _UPWARDS:
        return _UPWARDS.index(stage) > _UPWARDS.index(before)
    return True


def by_definitions(profile: Profile, score: Score, bundle: Bundle) -> Standing:
    """The stage by the bundle: the highest one whose condition is true, else suspect."""
    facts = facts_of(profile, score)
    stages = bundle.definitions.stages
    reasons = []
    for stage, definition in (
        (Stage.MQL, stages.mql),
        (Stage.LEAD, stages.lead),
        (Stage.PROSPECT, stages.prospect),
    ):
        outcome = definition.when.evaluate(facts)
        reasons.append(outcome.reasons(f"stage.{stage}", definition.label))
        if outcome.matched:
            return Standing(stage, tuple(reasons))
    return Standing(Stage.SUSPECT, tuple(reasons))


def standing(
    lead: Lead, profile: Profile, points: Score, bundle: Bundle, now: datetime
) -> Standing:
    """The stage at `now`, with these points. A rejected lead qualifies again by a later enquiry, if
    it is an MQL then. A lead in nurture also qualifies by later activities, if these and its fit
    alone make it an MQL, because sales knew the earlier ones.
    """
    view = by_sales(lead, bundle)
    if view is None:
        found = by_definitions(profile, points, bundle)
        return _as_imported(lead.imports[-1], found) if lead.only_imported else found
    said: tuple[Reason, ...] = (view.reason,)
    if view.stage in _UPWARDS:
        return Standing(view.stage, (said,))
    since, asked = (
        view.since,
        (
            counted_enquiry
            for counted_enquiry in lead.counted_enquiries
            if not counted_enquiry.history
        ),
    )
    if any(enquiry.occurred_at > since for enquiry in asked):
        again = by_definitions(profile, points, bundle)
    elif view.stage is Stage.NURTURE:
        new = engagement((a for a in lead.activities if a.occurred_at > since), bundle, now).points
        said = (*said, _reason_of_engagement_since(new))
        if new <= 0:
            return Standing(view.stage, (said,))
        again = by_definitions(profile, score(points.fit, new, bundle), bundle)
    else:
        return Standing(view.stage, (said,))
    stage = Stage.MQL if again.stage is Stage.MQL else view.stage
    return Standing(stage, (said, *again.reasons))


def _as_imported(enquiry: Enquiry, found: Standing) -> Standing:
    """An imported lead of sales is no new MQL because of the import."""
    told = _told(enquiry)
    if told is not None:
        return Standing(told, ((_reason_of_import(enquiry),), *found.reasons))
    return Standing(Stage.LEAD, found.reasons) if found.stage is Stage.MQL else found


def _reason_of_import(enquiry: Enquiry) -> Reason:
    return Reason(
        code="imported",
        label="Where the lead stood when it was imported",
        matched=True,
        field="stage",
        value=_told(enquiry),
    )


def _reason(followup: Followup, bundle: Bundle) -> Reason:
    reason = bundle.definitions.reason(followup.reason) if followup.reason else None
    happened = followup.type.replace("_", " ")
    return Reason(
        code=f"followup.{followup.type}",
        label=f"Sales: {happened}, {reason.label}" if reason else f"Sales: {happened}",
        matched=True,
        field="reason" if followup.reason else None,
        value=followup.reason,
    )


def _reason_of_engagement_since(points: int) -> Reason:
    return Reason(
        code="engagement-since",
        label="Points for what the lead has done since sales gave it back",
        matched=points > 0,
        field="score.engagement",
        value=points,
    )
