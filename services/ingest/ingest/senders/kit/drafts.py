"""Drafts: the fields of a delivery, with values as the vendor sent them, before validation.

Null and empty text count as no value, and several choices become one text. Numbers become text,
because senders write phone numbers, ids and amounts as numbers or as text. The models of the API
parse numbers from text. Numbers of custom fields stay numbers, because the bundle knows the type.
"""

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field
from typing import Any, ClassVar

from pydantic import JsonValue

from baton.events import ActivityType, FollowupType, RecordKind


def clean(value: JsonValue, *, custom: bool = False) -> JsonValue:
    """Normalises a vendor's value for a draft."""
    if isinstance(value, list) and all(isinstance(element, str) for element in value):
        value = ", ".join(str(element) for element in value)
    if value == "":
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and not custom:
        return str(value)
    return value


def _values(draft: "_Draft") -> Iterator[tuple[str, object]]:
    for name in draft.__dataclass_fields__:
        yield name, getattr(draft, name)


_VENDORS = (str, int, float, list)
"""The types of a vendor's value that `clean` must normalise."""


class _Draft:
    """A part of a draft. None: the delivery has no such value."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __post_init__(self) -> None:
        for name, value in _values(self):
            if type(value) in _VENDORS:
                object.__setattr__(self, name, clean(value))  # type: ignore[arg-type]  # JSON

    def document(self) -> dict[str, JsonValue]:
        """The fields with a value, as a request document of Baton's API."""
        return dict(_document(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactDraft(_Draft):
    email: JsonValue = None
    email_kind: JsonValue = None
    phone: JsonValue = None
    first_name: JsonValue = None
    last_name: JsonValue = None
    job_title: JsonValue = None
    country: JsonValue = None
    region: JsonValue = None
    language: JsonValue = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyDraft(_Draft):
    name: JsonValue = None
    domain: JsonValue = None
    industry: JsonValue = None
    employees: JsonValue = None
    country: JsonValue = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignDraft(_Draft):
    name: JsonValue = None
    utm_source: JsonValue = None
    utm_medium: JsonValue = None
    utm_campaign: JsonValue = None
    utm_term: JsonValue = None
    utm_content: JsonValue = None
    click_id: JsonValue = None
    click_id_kind: JsonValue = None
    landing_url: JsonValue = None
    referrer: JsonValue = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentDraft(_Draft):
    """Consent to marketing mail. A box that is not ticked means unknown, not denied."""

    status: JsonValue = None
    text: JsonValue = None
    at: JsonValue = None

    def __post_init__(self) -> None:
        _Draft.__post_init__(self)
        if isinstance(self.status, bool):
            object.__setattr__(self, "status", "granted" if self.status else "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDraft(_Draft):
    form_id: JsonValue = None
    form_name: JsonValue = None
    product: JsonValue = None
    message: JsonValue = None


@dataclass(frozen=True, slots=True)
class RecordDraft:
    """A record of the lead in a sales tool."""

    kind: RecordKind
    id: str

    def document(self) -> dict[str, JsonValue]:
        """The record as a part of a request document of Baton's API."""
        return {"kind": self.kind.value, "id": self.id}


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadDraft(_Draft):
    """An enquiry."""

    delivery_id: JsonValue = None
    external_id: JsonValue = None
    occurred_at: JsonValue = None
    email: JsonValue = None
    phone: JsonValue = None
    first_name: JsonValue = None
    last_name: JsonValue = None
    contact: ContactDraft = ContactDraft()
    company: CompanyDraft = CompanyDraft()
    campaign: CampaignDraft = CampaignDraft()
    consent: ConsentDraft = ConsentDraft()
    request: RequestDraft = RequestDraft()
    custom: Mapping[str, JsonValue] = field(default_factory=dict)
    test: bool | None = None
    answers: Mapping[str, JsonValue] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityDraft(_Draft):
    """An activity."""

    type: ActivityType
    lead_id: JsonValue = None
    delivery_id: JsonValue = None
    external_id: JsonValue = None
    occurred_at: JsonValue = None
    email: JsonValue = None
    phone: JsonValue = None
    subject: JsonValue = None
    bot: bool | None = None
    answers: Mapping[str, JsonValue] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowupDraft(_Draft):
    """A follow-up. `type` is None until the sender's module has determined it."""

    type: FollowupType | None = None
    lead_id: JsonValue = None
    delivery_id: JsonValue = None
    external_id: JsonValue = None
    occurred_at: JsonValue = None
    email: JsonValue = None
    phone: JsonValue = None
    first_name: JsonValue = None
    last_name: JsonValue = None
    rep: JsonValue = None
    assignment_id: JsonValue = None
    reason: JsonValue = None
    channel: JsonValue = None
    disposition: JsonValue = None
    note: JsonValue = None
    amount: JsonValue = None
    currency: JsonValue = None
    starts_at: JsonValue = None
    records: tuple[RecordDraft, ...] | None = None
    answers: Mapping[str, JsonValue] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureDraft(_Draft):
    """A request to erase a person's data."""

    why: str
    requested_by: str | None = None
    lead_id: JsonValue = None
    delivery_id: JsonValue = None
    external_id: JsonValue = None
    occurred_at: JsonValue = None
    email: JsonValue = None
    phone: JsonValue = None


Draft = LeadDraft | ActivityDraft | FollowupDraft | ErasureDraft
PARTS: Mapping[str, type[_Draft]] = {
    "contact": ContactDraft,
    "company": CompanyDraft,
    "campaign": CampaignDraft,
    "consent": ConsentDraft,
    "request": RequestDraft,
}
"""The fields of a lead draft that are drafts themselves, by name."""


def lead_draft(document: Mapping[str, JsonValue]) -> LeadDraft:
    """The draft of a document that `LeadDraft.document` made. Raises ValueError for any other."""
    fields: dict[str, Any] = dict(document)
    try:
        for name, part in PARTS.items():
            if name in fields:
                fields[name] = part(**fields[name])
        return LeadDraft(**fields)
    except (TypeError, AttributeError) as error:
        raise ValueError("the document is not a lead draft") from error


def _document(draft: _Draft) -> Iterator[tuple[str, JsonValue]]:
    for name, value in _values(draft):
        match value:
            case None:
                pass
            case _Draft():
                inner = value.document()
                if inner:
                    yield name, inner
            case tuple():
                yield name, [element.document() for element in value]
            case Mapping():
                if value or name != "custom":
                    yield name, dict(value)
            case ActivityType() | FollowupType():
                yield name, value.value
            case _:
                yield name, value  # type: ignore[misc]  # the rest is JSON of the vendor
