"""A Lead or Contact of Salesforce as a lead: its standard fields and those that the bundle maps."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import JsonValue

from ingest.policy.vendors import SalesforceSource
from ingest.senders.kit.draft_fields import LeadField, filled, placed
from ingest.senders.kit.drafts import ConsentDraft, FollowupDraft, LeadDraft

PEOPLE = ("Lead", "Contact")
KNOWN = (*PEOPLE, "Opportunity", "Task", "Event")

_PLACES: dict[LeadField, str] = {
    "contact.email": "Email",
    "contact.phone": "Phone",
    "contact.first_name": "FirstName",
    "contact.last_name": "LastName",
    "contact.job_title": "Title",
    "contact.country": "Country",
    "contact.region": "State",
    "company.name": "Company",
    "company.domain": "Website",
    "company.industry": "Industry",
    "company.employees": "NumberOfEmployees",
    "request.message": "Description",
}
_OPTED_OUT = "HasOptedOutOfEmail"


def of_record(draft: FollowupDraft) -> LeadDraft:
    """A lead draft with the ids and the time of a record's follow-up."""
    return LeadDraft(
        delivery_id=draft.delivery_id,
        external_id=draft.external_id,
        occurred_at=draft.occurred_at,
    )


def with_person(
    draft: LeadDraft, source: SalesforceSource, fields: Mapping[str, JsonValue]
) -> LeadDraft:
    """Adds a record's fields. A field without a place becomes an answer under its own name."""
    draft = placed(draft, {to: fields.get(name) for to, name in _PLACES.items()})
    draft = filled(draft, ((to, fields.get(name)) for to, name in source.fields.items()))
    if str(fields.get(_OPTED_OUT)).lower() == "true":
        draft = replace(draft, consent=ConsentDraft(status="denied"))
    names = {*_PLACES.values(), *source.fields.values()}
    answers = {
        name: value for name, value in fields.items() if name not in names and value is not None
    }
    return replace(draft, answers=answers)
