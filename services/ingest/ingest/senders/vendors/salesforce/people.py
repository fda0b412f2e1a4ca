"""A Lead or Contact of Salesforce as a lead: its standard fields, and what the bundle maps."""

from collections.abc import Mapping

from pydantic import JsonValue

from baton.policy.sources import SalesforceSource
from ingest.senders.kit.payloads import Path, path, put

PEOPLE = ("Lead", "Contact")
KNOWN = (*PEOPLE, "Opportunity", "Task", "Event")

_PLACES: dict[Path, str] = {
    ("contact", "email"): "Email",
    ("contact", "phone"): "Phone",
    ("contact", "first_name"): "FirstName",
    ("contact", "last_name"): "LastName",
    ("contact", "job_title"): "Title",
    ("contact", "country"): "Country",
    ("contact", "region"): "State",
    ("company", "name"): "Company",
    ("company", "domain"): "Website",
    ("company", "industry"): "Industry",
    ("company", "employees"): "NumberOfEmployees",
    ("request", "message"): "Description",
}
_OPTED_OUT = "HasOptedOutOfEmail"


def put_person(
    document: dict[str, JsonValue], source: SalesforceSource, fields: Mapping[str, JsonValue]
) -> None:
    """Place a record's fields; what has no place is kept as an answer, by the field's name."""
    places = _PLACES | {path(to): name for to, name in source.fields.items()}
    for to, name in places.items():
        put(document, to, fields.get(name))
    if str(fields.get(_OPTED_OUT)).lower() == "true":
        document["consent"] = {"status": "denied"}
    placed = set(places.values())
    document["answers"] = {
        name: value for name, value in fields.items() if name not in placed and value is not None
    }
