"""Scoring's part of a lead's story: enquiries, activities, and the scores with their criteria."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from baton.events import ConsentStatus, Profile, Score
from baton_cli.explain.reasons import Criterion, criteria, words
from baton_cli.explain.story import Detail, Happening, Kind, Mark
from baton_cli.explain.views import Enquiry, ScoreChange, Scored
from baton_cli.times import moment_near


def happened(scored: Scored, *, everything: bool) -> Iterator[Happening]:
    """Enquiries, activities, follow-ups and scores. `everything`: also what did not match."""
    for enquiry in scored.enquiries:
        yield _enquiry(enquiry)
    for activity in scored.latest_activities:
        about = f": {activity.subject}" if activity.subject else ""
        bot = f" (not by the person: {activity.bot})" if activity.bot else ""
        yield Happening(
            at=activity.occurred_at,
            kind=Kind.ACTIVITY,
            says=f"{_sentence(activity.type)}{about}{bot}",
        )
    for followup in scored.followups:
        why = f", {followup.reason}" if followup.reason else ""
        yield Happening(
            at=followup.occurred_at, kind=Kind.FOLLOWUP, says=f"Sales: {words(followup.type)}{why}"
        )
    changes = scored.history[::-1]
    if changes:
        yield _first_score(changes[0], everything=everything)
    for before, change in pairwise(changes):
        yield _later_score(before, change, everything=everything)


def person(profile: Profile) -> tuple[str, ...]:
    """The person: who and where they work, then how to reach them."""
    contact, company = profile.contact, profile.company
    name = " ".join(filter(None, (contact.first_name, contact.last_name)))
    at = " at ".join(filter(None, (contact.job_title, company.name)))
    country = contact.country or company.country
    person = ", ".join(filter(None, (name, at))) + (f" ({country})" if country else "")
    reach = " · ".join(filter(None, (contact.email, contact.phone)))
    denied = "does not want to be contacted by marketing"
    consent = denied if profile.consent.status is ConsentStatus.DENIED else ""
    return tuple(filter(None, (person.strip(), reach, consent)))


def standing(scored: Scored) -> str | None:
    """Stage and score, None before the first."""
    if scored.score is None or scored.stage is None:
        return None
    return f"stage {scored.stage}, {_points(scored.score)}, grade {scored.score.grade}"


def _enquiry(enquiry: Enquiry) -> Happening:
    profile = enquiry.profile
    form = profile.request.form_name or profile.request.form_id
    campaign = profile.campaign
    through = (campaign.name, campaign.utm_source, campaign.utm_medium, campaign.utm_campaign)
    parts = {
        "product": profile.request.product,
        "message": profile.request.message and f"“{profile.request.message}”",
        "campaign": ", ".join(dict.fromkeys(filter(None, through))),
    }
    return Happening(
        at=enquiry.occurred_at,
        kind=Kind.ENQUIRY,
        says=f"Enquiry from {profile.source}"
        + (f", form {form}" if form else "")
        + (" (a trial delivery)" if enquiry.test else ""),
        details=tuple(Detail(says=name, on=text) for name, text in parts.items() if text),
    )


def _first_score(change: ScoreChange, *, everything: bool) -> Happening:
    score = change.score
    found = criteria(change.reasons)
    matched = [_matched(criterion) for criterion in found if criterion.reason.matched]
    others = [criterion for criterion in found if not criterion.reason.matched]
    return Happening(
        at=change.at,
        kind=Kind.SCORED,
        says=f"Scored {_points(score)}: grade {score.grade}, stage {change.stage}",
        details=(*matched, *(_details(others) if everything else _in_short(others))),
    )


def _later_score(before: ScoreChange, change: ScoreChange, *, everything: bool) -> Happening:
    """Tells what differs: a new stage with its reasons, and by how many points each criterion."""
    found = criteria(change.reasons)
    differing = _differing(criteria(before.reasons), found)
    stages = [
        criterion
        for criterion in found
        if criterion.reason.points is None and criterion.reason.matched
    ]
    moved = before.stage != change.stage
    stage = [_matched(criterion) for criterion in stages if moved or everything]
    rest = [criterion for criterion in found if not criterion.reason.matched] if everything else []
    again = [] if moved or before.qualified_at is None else _qualified_again(before, change)
    return Happening(
        at=change.at,
        kind=Kind.SCORED,
        says=_difference(before, change),
        details=(*stage, *again, *differing, *_details(rest)),
    )


def _qualified_again(before: ScoreChange, change: ScoreChange) -> list[Detail]:
    """A give-back came late: what the lead did after it brings it to the same stage again."""
    since = change.qualified_at
    if since is None or since == before.qualified_at:
        return []
    return [Detail(says=f"qualified again since {moment_near(since, change.at)}", mark=Mark.YES)]


def _difference(before: ScoreChange, change: ScoreChange) -> str:
    old, new = before.score, change.score
    total = f"{old.total} → {_points(new)}" if old.total != new.total else f"still {_points(new)}"
    grade = f"{old.grade} → {new.grade}" if old.grade != new.grade else new.grade
    stages = (before.stage, change.stage)
    stage = " → ".join(stages) if before.stage != change.stage else change.stage
    return f"Scored anew, {total}: grade {grade}, stage {stage}"


def _points(score: Score) -> str:
    return f"{score.total} points (fit {score.fit}, engagement {score.engagement})"


def _differing(before: Sequence[Criterion], after: Sequence[Criterion]) -> Iterator[Detail]:
    """By how much each criterion counts otherwise; one that is not told of counts nothing."""
    earlier = {criterion.reason.code: criterion for criterion in before}
    later = {criterion.reason.code: criterion for criterion in after}
    for code in earlier | later:
        old, new = earlier.get(code), later.get(code)
        points = _worth(new) - _worth(old)
        criterion = new or old
        if points and criterion:
            yield Detail(says=criterion.reason.label, on=criterion.on, points=points)


def _worth(criterion: Criterion | None) -> int:
    return criterion.reason.points or 0 if criterion else 0


def _matched(criterion: Criterion) -> Detail:
    reason = criterion.reason
    if reason.points is None:
        return Detail(says=_of_stage(reason.code) + reason.label, on=criterion.on, mark=Mark.YES)
    return Detail(says=reason.label, on=criterion.on, points=reason.points)


def _of_stage(code: str) -> str:
    kind, _, stage = code.partition(".")
    return f"{stage}: " if kind == "stage" else ""


def _details(found: Sequence[Criterion]) -> Iterator[Detail]:
    for criterion in found:
        says = _of_stage(criterion.reason.code) + criterion.reason.label
        yield Detail(says=says, on=criterion.on, mark=Mark.NO)


def _in_short(found: Sequence[Criterion]) -> Iterator[Detail]:
    """The number of criteria that did not match, and the criteria with missing fields."""
    unknown = [criterion for criterion in found if criterion.reason.matched is None]
    if unknown:
        missing = dict.fromkeys(field for criterion in unknown for field in criterion.missing)
        says = f"{len(unknown)} unanswered, no value in"
        yield Detail(says=says, on=", ".join(missing), mark=Mark.NO)
    no = len(found) - len(unknown)
    if no:
        yield Detail(says=f"{no} did not match", mark=Mark.NO)


def _sentence(code: str) -> str:
    return words(code).capitalize()
