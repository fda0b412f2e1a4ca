"""Sets fields of drafts by their paths, which a sender's table or the bundle names."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeVar

from pydantic import JsonValue

from ingest.senders.kit.drafts import (
    PARTS,
    ActivityDraft,
    Draft,
    FollowupDraft,
    LeadDraft,
    clean,
)

AnyDraft = TypeVar("AnyDraft", bound=Draft)
Answering = TypeVar("Answering", bound=LeadDraft | ActivityDraft | FollowupDraft)

LeadField = Literal[
    "external_id",
    "delivery_id",
    "occurred_at",
    "contact.email",
    "contact.email_kind",
    "contact.phone",
    "contact.first_name",
    "contact.last_name",
    "contact.job_title",
    "contact.country",
    "contact.region",
    "contact.language",
    "company.name",
    "company.domain",
    "company.industry",
    "company.employees",
    "company.country",
    "campaign.name",
    "campaign.utm_source",
    "campaign.utm_medium",
    "campaign.utm_campaign",
    "campaign.utm_term",
    "campaign.utm_content",
    "campaign.click_id",
    "campaign.click_id_kind",
    "campaign.landing_url",
    "campaign.referrer",
    "consent.status",
    "consent.text",
    "consent.at",
    "request.form_id",
    "request.form_name",
    "request.product",
    "request.message",
]
"""The fields of a lead that a sender's table may name; only a bundle names custom fields."""

_INNER = ("custom", *PARTS)


def filled(draft: AnyDraft, values: Iterable[tuple[str, JsonValue]]) -> AnyDraft:
    """The draft with the values in the fields with these paths, such as `contact.email`.

    A value of None or empty text changes nothing. Of two values of a field, the later counts.
    Raises LookupError for a path without a field; the bundle's model refuses such paths before.
    """
    changes: dict[str, Any] = {}
    inner: dict[str, dict[str, JsonValue]] = {}
    for to, value in values:
        place, _, name = to.partition(".")
        found = clean(value, custom=place == "custom")
        if found is None:
            continue
        if not name:
            changes[place] = found
        elif isinstance(draft, LeadDraft) and place in _INNER:
            inner.setdefault(place, {})[name] = found
        else:
            raise LookupError(to)
    try:
        for place, named in inner.items():
            old = getattr(draft, place)
            changes[place] = {**old, **named} if place == "custom" else replace(old, **named)
        return replace(draft, **changes) if changes else draft
    except TypeError as error:
        raise LookupError(str(error)) from error


def mapped(draft: AnyDraft, to: str, value: JsonValue) -> AnyDraft:
    """As `filled`, with one field."""
    return filled(draft, [(to, value)])


def placed(draft: LeadDraft, values: Mapping[LeadField, JsonValue]) -> LeadDraft:
    """As `filled`, for the fields of a sender's own table. New values replace existing ones."""
    return filled(draft, values.items())


def value_at(draft: LeadDraft, to: str) -> JsonValue:
    """The value of a field, by its path, or None."""
    place, _, inner = to.partition(".")
    if place == "custom":
        return draft.custom.get(inner)
    found: JsonValue = getattr(getattr(draft, place), inner) if inner else getattr(draft, place)
    return found


def answered(draft: Answering, values: Mapping[str, JsonValue]) -> Answering:
    """The draft with these values added to its answers. None and empty text add nothing."""
    found = {name: clean(value) for name, value in values.items()}
    answers = {**(draft.answers or {}), **{n: v for n, v in found.items() if v is not None}}
    return replace(draft, answers=answers if answers or draft.answers is not None else None)
