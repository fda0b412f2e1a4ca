"""Sample deliveries, each in its sender's own shape."""

from datetime import datetime

from pydantic import JsonValue

from baton_local.demo.cast import Person

Document = dict[str, JsonValue]

WEBSITE = "website"
"""The source, of the demo's policy, that uses the API itself."""

_CAMPAIGN = {"utm_source": "newsletter", "utm_medium": "email", "utm_campaign": "spring"}


def lead(
    person: Person, form: str, delivery_id: str, *, consents: bool = True, test: bool = False
) -> Document:
    """For `POST /v1/leads`, and a line of `POST /v1/leads/batch`."""
    return _without_blanks(
        {
            "source": WEBSITE,
            "delivery_id": delivery_id,
            "contact": {
                "email": person.email,
                "phone": person.phone,
                "job_title": person.job_title,
                "country": person.country,
            },
            "company": {
                "name": person.company,
                "industry": person.industry,
                "employees": person.employees,
            },
            "request": {"form_id": form},
            "consent": {"status": "granted" if consents else "denied"},
            "campaign": dict(_CAMPAIGN),
            "test": test or None,
        }
    )


def activity(person: Person, type_: str, delivery_id: str) -> Document:
    """For `POST /v1/activities`."""
    return {
        "source": WEBSITE,
        "delivery_id": delivery_id,
        "email": person.email,
        "type": type_,
    }


def contacted(lead_id: str, assignment_id: str, rep: str, delivery_id: str) -> Document:
    """For `POST /v1/followups`: what a CRM says once a rep has spoken with a lead."""
    return {
        "source": WEBSITE,
        "delivery_id": delivery_id,
        "lead_id": lead_id,
        "assignment_id": assignment_id,
        "rep": rep,
        "type": "contacted",
        "channel": "mail",
    }


def form_submitted(person: Person, form: str, at: datetime) -> Document:
    """A form delivery of the webshop, as Standard Webhooks."""
    data: Document = {
        "email": person.email,
        "phone": person.phone,
        "job_title": person.job_title,
        "country": person.country,
        "company": person.company,
        "employees": person.employees,
        "form": form,
        "utm": {name.removeprefix("utm_"): value for name, value in _CAMPAIGN.items()},
    }
    return _event("form.submitted", data, at)


def page_viewed(person: Person, url: str, at: datetime) -> Document:
    """A visit in the webshop."""
    return _event("page.viewed", {"email": person.email, "url": url}, at)


def call_completed(email: str, rep: str, at: datetime) -> Document:
    """A call in the telephone system, by the same webhook."""
    return _event("call.completed", {"email": email, "agent": rep, "summary": "First call"}, at)


def survey(person: Person, delivery_id: str, at: datetime) -> Document:
    """A response as Typeform sends it."""
    fields: tuple[tuple[str, str, str, JsonValue], ...] = (
        ("email", "email", "How can we reach you?", person.email),
        ("company", "text", "Where do you work?", person.company),
        ("employees", "number", "How many are you?", person.employees),
        ("consent", "boolean", "May we write to you?", True),
    )
    types = {"company": "short_text", "consent": "legal"}
    questions: list[JsonValue] = [
        {"id": f"q-{ref}", "type": types.get(ref, kind), "ref": ref, "title": title}
        for ref, kind, title, _ in fields
    ]
    answers: list[JsonValue] = [
        {"type": kind, kind: value, "field": {"id": f"q-{ref}", "type": types.get(ref, kind)}}
        for ref, kind, _, value in fields
    ]
    return {
        "event_id": delivery_id,
        "event_type": "form_response",
        "form_response": {
            "form_id": "bTn0Ev3",
            "token": f"response-{person.number}",
            "submitted_at": at.isoformat(),
            "hidden": dict(_CAMPAIGN),
            "definition": {"title": "What do you need?", "fields": questions},
            "answers": answers,
        },
    }


def _event(type_: str, data: Document, at: datetime) -> Document:
    return {"type": type_, "timestamp": at.isoformat(), "data": _without_blanks(data)}


def _without_blanks(document: Document) -> Document:
    return {
        name: _without_blanks(value) if isinstance(value, dict) else value
        for name, value in document.items()
        if value is not None
    }
