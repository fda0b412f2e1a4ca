"""Turns the values of sales tools into follow-ups, by the bundle's `outcomes` and `ignore`."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pydantic import JsonValue

from baton.events import FollowupType, RecordKind
from ingest.policy.vendors import SalesOutcome, SalesSource
from ingest.senders.kit.delivery import NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft, RecordDraft
from ingest.senders.kit.items import Ignored, Item

Known = Mapping[str, FollowupType | None]
"""The usual follow-up for a value. None: the value does not concern the lead."""

_LONGEST_NOTE = 10_000


def is_ignored(source: SalesSource, field: str, value: str) -> bool:
    """Whether the bundle ignores this value of a vendor's field."""
    ignored = source.ignore.get(field)
    return ignored is not None and (not ignored or value in ignored)


def outcome(
    source: SalesSource,
    field: str,
    value: str | None,
    known: Known | None = None,
    otherwise: SalesOutcome | None = None,
) -> SalesOutcome | None:
    """The follow-up for a value of a vendor's field: by the bundle, or else by `known`.

    Returns `otherwise` without a value, or if neither the bundle nor `known` mentions the field.
    Returns None if the bundle or `known` ignores the value. Raises NotUnderstoodError if the bundle
    or `known` has other values of the field and not this one.
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
    raise NotUnderstoodError(
        f"the source has neither `outcomes` nor `ignore` for {field} '{value}'; add one of them"
    )


def rep(source: SalesSource, *users: str | None) -> str | None:
    """The rep of the first id or address of a vendor's user that the source's `reps` has."""
    return next((source.reps[user] for user in users if user in source.reps), None)


def owner(source: SalesSource, user: str) -> str:
    """The rep who owns the lead. Raises NotUnderstoodError if `reps` has no such user."""
    found = rep(source, user)
    if found is None:
        raise NotUnderstoodError(f"`reps` of the source has no rep for the owner {user}; add one")
    return found


def records(**ids: str | None) -> tuple[RecordDraft, ...]:
    """The lead's records with an id, by their kinds."""
    return tuple(RecordDraft(RecordKind(kind), id_) for kind, id_ in ids.items() if id_)


def passed(answers: JsonValue, external_id: str | None = None) -> Ignored:
    """An ignored event, with the vendor's values."""
    answered = answers if isinstance(answers, dict) else None
    return Ignored(FollowupDraft(external_id=external_id, answers=answered))


def followup(
    draft: FollowupDraft,
    outcome: SalesOutcome | FollowupType,
    *,
    part: str = "",
    note: Iterable[str | None] = (),
) -> Item:
    """The item of a follow-up: `draft` has the delivery's values, `outcome` the type and reason.

    `note` has texts that a person in sales has written.
    """
    if isinstance(outcome, SalesOutcome):
        draft = replace(draft, type=outcome.type, reason=outcome.reason or draft.reason)
    else:
        draft = replace(draft, type=outcome)
    text = "\n".join(text for text in note if text)[:_LONGEST_NOTE]
    return Item(replace(draft, note=text or draft.note), part)
