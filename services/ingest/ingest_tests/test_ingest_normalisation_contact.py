"""Phones, countries, languages and companies: one way to write each, whatever was sent."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from baton.events import Company, Contact, Profile
from baton.policy.bundle import Bundle
from ingest.capture.normalisation import companies, locales, phones
from ingest.capture.normalisation.profile import NormalProfile, normalise
from ingest.policy.reads import READS
from ingest.policy.sources import sources_of
from ingest_tests.harness import FILES

BUNDLE = Bundle.parse(FILES, READS)
SOURCE = sources_of(BUNDLE)["website"]


def of(contact: Contact, company: Company | None = None) -> NormalProfile:
    said = Profile(brand="main", source="website", contact=contact, company=company or Company())
    return normalise(said, {}, SOURCE, BUNDLE.definitions)


@pytest.mark.parametrize(
    ("sent", "countries", "number"),
    [
        ("+49 (0)30 901820", [], "+4930901820"),
        ("0049 30 901820", [], "+4930901820"),
        ("0049 30 901820", ["US"], "+4930901820"),
        ("030 / 90 18 20", ["DE"], "+4930901820"),
        ("4930901820", ["DE"], "+4930901820"),
        ("(650) 253-0000", ["US"], "+16502530000"),
        ("650 253 0000 ext. 12", ["US"], "+16502530000"),
        ("1-650-253-0000", ["US"], "+16502530000"),
        ("0664 1234567", ["AT", "DE"], "+436641234567"),
        ("0664 1234567", ["US", "AT"], "+436641234567"),
        ("06 12 34 56 78", ["FR"], "+33612345678"),
        ("\N{FULLWIDTH PLUS SIGN}49 30 901820", [], "+4930901820"),
        ("٠٣٠ ٩٠١٨٢٠", ["DE"], "+4930901820"),
        ("030 901820", [], None),
        ("+49 30", [], None),
        ("+999 123456789", [], None),
        ("12", ["DE"], None),
        ("call me", ["DE"], None),
        ("", ["DE"], None),
    ],
)
def test_a_phone_is_written_as_e164_where_it_can_be_told(
    sent: str, countries: list[str], number: str | None
) -> None:
    assert phones.e164(sent, countries) == number


@given(st.text(max_size=300), st.sampled_from([[], ["DE"], ["US", "GB"]]))
@example("+" + "9" * 300, [])
def test_what_is_written_as_e164_stays_as_it_is(sent: str, countries: list[str]) -> None:
    number = phones.e164(sent, countries)
    assert number is None or phones.e164(number, countries) == number


@pytest.mark.parametrize(
    ("country", "phone", "number"),
    [
        (None, "030 901820", "+4930901820"),
        ("Austria", "0664 1234567", "+436641234567"),
        ("France", "030 901820", "+4930901820"),
        ("Nowhere", "030 901820", "+4930901820"),
    ],
)
def test_a_phone_is_of_the_persons_country_or_else_of_the_sources(
    country: str | None, phone: str, number: str
) -> None:
    found = of(Contact(country=country, phone=phone))
    assert found.profile.contact.phone == number
    assert found.as_sent["contact.phone"] == phone


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        *((text, "DE") for text in ("DE", "de", " De ", "deu", "276", "Germany", "GERMANY")),
        *((text, "DE") for text in ("Deutschland", "Allemagne", "Alemania", "Tyskland", "ドイツ")),
        *((text, "GB") for text in ("GB", "UK", "U.K.", "United Kingdom", "Great Britain")),
        *((text, "US") for text in ("US", "USA", "U.S.A.", "United States of America")),
        *((text, "AT") for text in ("Österreich", "Osterreich", "AUT")),
        ("The Netherlands", "NL"),
        ("Korea, Republic of", "KR"),
        ("Iran (Islamic Republic of)", "IR"),
        ("Congo, The Democratic Republic of the", "CD"),
        ("Trinidad and Tobago", "TT"),
        ("Bosnia & Herzegovina", "BA"),
        ("Cote d'Ivoire", "CI"),
        ("Saint Lucia", "LC"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
        ("Czech Republic", "CZ"),
        ("Niger", "NE"),
        ("Nigeria", "NG"),
        ("Dominica", "DM"),
        ("Dominican Republic", "DO"),
        ("Guinea", "GN"),
        ("EU", None),
        ("ZZ", None),
        ("Europe", None),
        ("Bavaria", None),
        ("-", None),
    ],
)
def test_a_country_is_told_by_its_codes_and_names(sent: str, code: str | None) -> None:
    assert locales.country(sent) == code


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        *((text, "de") for text in ("de", "DE", "de-DE", "de_AT", "deu", "ger", "German")),
        *((text, "de") for text in ("Deutsch", "allemand", "ドイツ語")),
        *((text, "en") for text in ("en-US,en;q=0.9,de;q=0.8", "English (US)", "Englisch")),
        ("zh-Hans-CN", "zh"),
        ("Chinese (Simplified)", "zh"),
        ("iw", "he"),
        ("fil", "fil"),
        ("xx", None),
        ("Elvish", None),
        ("", None),
    ],
)
def test_a_language_is_told_by_its_tags_and_names(sent: str, code: str | None) -> None:
    assert locales.language(sent) == code


@pytest.mark.parametrize(
    ("sent", "domain"),
    [
        ("example.com", "example.com"),
        ("https://www.shop.example.co.uk/about?a=b#c", "example.co.uk"),
        ("HTTP://user@WWW.Example.com:8080/", "example.com"),
        ("acme.github.io", "acme.github.io"),
        ("www.müller.de", "xn--mller-kva.de"),
        ("ada@mail.example.com", "example.com"),
        ("example.com.", "example.com"),
        ("co.uk", None),
        ("192.0.2.1", None),
        ("intranet", None),
        ("www.acme.corp", None),
        ("Example Ltd.", None),
        ("a b.com", None),
        ("n/a", None),
        ("https://", None),
    ],
)
def test_a_companys_domain_is_the_part_that_it_registered(sent: str, domain: str | None) -> None:
    assert companies.domain(sent) == domain


@pytest.mark.parametrize(
    ("email", "said", "domain"),
    [
        ("ada@mail.example.com", None, "example.com"),
        ("ada@mail.example.com", "https://www.example.org", "example.org"),
        ("ada@mail.example.com", "Example Ltd", "example.com"),
        ("ada@gmail.com", None, None),
        ("ada@gmail.com", "gmail.com", None),
        ("ada@gmail.com", "www.example.org", "example.org"),
        ("ada@gmail.com", "Example Ltd", "Example Ltd"),
        ("ada@mailinator.com", "https://mailinator.com", None),
        ("not an address", None, None),
        (None, None, None),
        (None, "www.example.org", "example.org"),
    ],
)
def test_a_companys_domain_comes_from_its_site_or_else_from_a_business_address(
    email: str | None, said: str | None, domain: str | None
) -> None:
    found = of(Contact(email=email), Company(domain=said))
    assert found.profile.company.domain == domain
    assert found.as_sent.get("company.domain", said) == said


TEXTS = st.none() | st.text(max_size=1_000)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_whatever_is_sent_readers_can_read_and_nothing_of_it_is_lost(
    phone: str | None, country: str | None, language: str | None, domain: str | None
) -> None:
    contact = Contact(phone=phone, country=country, language=language)
    found = of(contact, Company(domain=domain, country=country))
    Profile.model_validate_json(found.profile.model_dump_json())
    for path, said in {
        "contact.phone": phone,
        "contact.country": country,
        "contact.language": language,
        "company.domain": domain,
        "company.country": country,
    }.items():
        part, name = path.split(".")
        assert said in (found.as_sent.get(path), getattr(getattr(found.profile, part), name))


def test_what_is_understood_is_understood_the_same_again() -> None:
    once = of(
        Contact(email="Ada@Example.com", phone="030 901820", country="Germany", language="German"),
        Company(domain="https://www.example.com", country="Deutschland"),
    )
    again = normalise(once.profile, {}, SOURCE, BUNDLE.definitions)
    assert again.profile == once.profile
    assert again.as_sent == {}
