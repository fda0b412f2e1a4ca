"""An enquiry, understood: each field in the one form that conditions and readers can rely on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from baton.events import Company, Contact, EmailKind, Profile
from baton.policy.definitions import Definitions
from baton.policy.fields import facts_of
from ingest.capture.normalisation import campaigns, companies, locales, mailboxes, phones
from ingest.identity.person import usable_email
from ingest.policy.sources import Source

_LONGEST = 1_000
"""Of a `Name`: what is understood must not become longer than an event may have it."""

_WRITTEN_ANEW = (
    ("contact", "email"),
    ("contact", "phone"),
    ("contact", "country"),
    ("contact", "language"),
    ("company", "domain"),
    ("company", "country"),
    ("campaign", "name"),
)

_OF_PROVIDERS = (EmailKind.FREE, EmailKind.DISPOSABLE)


@dataclass(frozen=True, slots=True)
class NormalProfile:
    """A profile in normal form; by its path, each text that was sent otherwise."""

    profile: Profile
    as_sent: dict[str, str]


def normalise(
    profile: Profile, answers: Mapping[str, JsonValue], source: Source, definitions: Definitions
) -> NormalProfile:
    """The profile in the notation that `baton.events` promises, as far as possible. A value that
    cannot be converted stays as it was sent; it is no reason to refuse a lead. `answers` are the
    sender's values outside the profile.
    """
    contact = _contact(profile.contact, source)
    normal = profile.model_copy(
        update={
            "contact": contact,
            "company": _company(profile.company, contact),
            "campaign": campaigns.understood(profile.campaign, answers),
        }
    )
    normal = _with_campaigns_name(normal, definitions)
    return NormalProfile(normal, dict(_as_sent(profile, normal)))


def _contact(contact: Contact, source: Source) -> Contact:
    email = _written(usable_email, contact.email)
    country = _written(locales.country, contact.country)
    countries = [code for code in (country, source.default_country) if code]
    return contact.model_copy(
        update={
            "email": email,
            "email_kind": mailboxes.kind_of(email) if email else None,
            "phone": _written(lambda text: phones.e164(text, countries), contact.phone),
            "country": country,
            "language": _written(locales.language, contact.language),
        }
    )


def _company(company: Company, contact: Contact) -> Company:
    """The company, with the domain of a business address. Mail providers do not count."""
    own = companies.domain(company.domain) if company.domain else None
    of_mail = companies.domain(contact.email.rpartition("@")[2]) if contact.email else None
    domain = own or company.domain
    if contact.email_kind is EmailKind.BUSINESS:
        domain = own or of_mail or company.domain
    elif contact.email_kind in _OF_PROVIDERS and own == of_mail:
        domain = None
    return company.model_copy(
        update={"domain": domain, "country": _written(locales.country, company.country)}
    )


def _with_campaigns_name(profile: Profile, definitions: Definitions) -> Profile:
    """With the name that the bundle has for its campaign, the first whose condition holds."""
    facts = facts_of(profile)
    for campaign in definitions.campaigns:
        if campaign.when.holds(facts):
            named = profile.campaign.model_copy(update={"name": campaign.name})
            return profile.model_copy(update={"campaign": named})
    return profile


def _written(understand: Callable[[str], str | None], text: str | None) -> str | None:
    """A text as it is understood, or else as it was sent."""
    found = understand(text) if text else None
    return found if found and len(found) <= _LONGEST else text


def _as_sent(profile: Profile, normal: Profile) -> Iterator[tuple[str, str]]:
    for part, name in _WRITTEN_ANEW:
        before = getattr(getattr(profile, part), name)
        if before is not None and before != getattr(getattr(normal, part), name):
            yield f"{part}.{name}", before
