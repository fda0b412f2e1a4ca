"""What systems of sales tell, in the words that a vendor and the bundle have for it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pydantic import JsonValue

from baton.events import FollowupType, RecordKind
from ingest.policy.vendors import SalesOutcome, SalesSource
from ingest.senders.kit.delivery import NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft, RecordDraft
from ingest.senders.kit.items import Item, Passed

Known = Mapping[str, FollowupType | None]
"""What everybody understands by a value; None: it says nothing of the lead."""

_LONGEST_NOTE = 10_000


def is_ignored(source: SalesSource, field: str, value: str) -> bool:
    """Whether the bundle has a value of a vendor's field passed over."""
    ignored = source.ignore.get(field)
    return ignored is not None and (not ignored or value in ignored)


def outcome(
    source: SalesSource,
    field: str,
    value: str | None,
    known: Known | None = None,
    otherwise: SalesOutcome | None = None,
) -> SalesOutcome | None:
    """Which follow-up a value of a vendor's field is: by the bundle, or else as is understood.

    `otherwise` is what it is where there is no value, or nobody explains any of the field. None
    where it is passed over, as the bundle or the vendor has it: nothing else stands in for that.
    Raises NotUnderstoodError for a value that nobody has explained, of a field that the bundle or
    the vendor explains others of.
    """
    if value is None:
        return otherwise
    if is_ignored(source, field, value):
        return None
    outcomes = source.outcomes.get(field, {})
    if value in outcomes:
        return outcomes[value]
    understood = known or {}
    if value in understood:
        type_ = understood[value]
        return None if type_ is None else SalesOutcome(type=type_)
    if not outcomes and not source.ignore.get(field) and not understood:
        return otherwise
    raise NotUnderstoodError(f"the bundle says of {field} '{value}' neither outcome nor ignore")


def rep(source: SalesSource, *users: str | None) -> str | None:
    """The rep that one of these ids or addresses of the vendor's user is of."""
    return next((source.reps[user] for user in users if user in source.reps), None)


def owner(source: SalesSource, user: str) -> str:
    """The rep who has the lead now. Raises NotUnderstoodError where nobody says who that is."""
    found = rep(source, user)
    if found is None:
        raise NotUnderstoodError(f"`reps` of the source has nobody for the owner {user}")
    return found


def records(**ids: str | None) -> tuple[RecordDraft, ...]:
    """Records that stand for the lead, by their kinds: those that there are."""
    return tuple(RecordDraft(RecordKind(kind), id_) for kind, id_ in ids.items() if id_)


def passed(answers: JsonValue, external_id: str | None = None) -> Passed:
    """What changes nothing for a lead, as its vendor has it."""
    answered = answers if isinstance(answers, dict) else None
    return Passed(FollowupDraft(external_id=external_id, answers=answered))


def followup(
    draft: FollowupDraft,
    outcome: SalesOutcome | FollowupType,
    *,
    part: str = "",
    note: Iterable[str | None] = (),
) -> Item:
    """A follow-up: what all of the delivery's have, and what this one is.

    `note` are texts that somebody of sales has written.
    """
    if isinstance(outcome, SalesOutcome):
        draft = replace(draft, type=outcome.type, reason=outcome.reason or draft.reason)
    else:
        draft = replace(draft, type=outcome)
    text = "\n".join(text for text in note if text)[:_LONGEST_NOTE]
    return Item(replace(draft, note=text or draft.note), part)
