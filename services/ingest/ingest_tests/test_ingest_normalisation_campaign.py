"""What brought a person here, wherever a sender puts it, and what the bundle calls it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from baton.events import Campaign, Profile
from baton.policy.bundle import Bundle
from ingest.capture.normalisation import campaigns
from ingest.capture.normalisation.profile import normalise
from ingest.policy.reads import READS
from ingest.policy.sources import sources_of
from ingest_tests.harness import FILES

BUNDLE = Bundle.parse(FILES, READS)
PAGE = "https://www.example.com/demo"


def said(campaign: Campaign) -> dict[str, str]:
    """What a campaign says, but for the pages."""
    fields = campaign.model_dump(exclude_none=True, exclude={"landing_url", "referrer"})
    return {name.removeprefix("utm_"): value for name, value in fields.items()}


@pytest.mark.parametrize(
    ("campaign", "answers", "found"),
    [
        ({}, {}, {}),
        ({"utm_source": "news"}, {}, {"source": "news"}),
        (
            {},
            {"utm_source": "news", "hidden.utm_medium": "mail"},
            {"source": "news", "medium": "mail"},
        ),
        ({}, {"UTM Source": "fb", "utmCampaign": "spring"}, {"source": "fb", "campaign": "spring"}),
        ({}, {"data.utm": {"utm_source": "fb"}}, {"source": "fb"}),
        ({}, {"hidden.gclid": "x1"}, {"click_id": "x1", "click_id_kind": "gclid"}),
        ({}, {"gcl_id": "x1"}, {"click_id": "x1", "click_id_kind": "gclid"}),
        ({}, {"li_fat_id": "x1"}, {"click_id": "x1", "click_id_kind": "li_fat_id"}),
        ({"click_id": "own"}, {"gclid": "x1"}, {"click_id": "own"}),
        (
            {"landing_url": f"{PAGE}?utm_source=news&utm_term=a%20b+c&x=1#utm_medium=none"},
            {},
            {"source": "news", "term": "a b c"},
        ),
        (
            {"landing_url": f"{PAGE}?FBCLID=x1&msclkid=x2"},
            {},
            {"click_id": "x2", "click_id_kind": "msclkid"},
        ),
        ({"referrer": f"{PAGE}?utm_source=news"}, {}, {"source": "news"}),
        (
            {"utm_source": "news", "landing_url": f"{PAGE}?utm_source=news&utm_medium=mail"},
            {},
            {"source": "news", "medium": "mail"},
        ),
        (
            {
                "utm_source": "news",
                "landing_url": f"{PAGE}?utm_source=ads&utm_medium=cpc&ttclid=x1",
            },
            {},
            {"source": "news", "click_id": "x1", "click_id_kind": "ttclid"},
        ),
        (
            {"landing_url": f"{PAGE}?utm_medium=mail", "referrer": f"{PAGE}?utm_source=news"},
            {},
            {"source": "news", "medium": "mail"},
        ),
        ({"landing_url": f"{PAGE}?utm_source=%00&gclid=a%0ab"}, {}, {}),
        ({"landing_url": f"{PAGE}?utm_source={'x' * 1_001}"}, {}, {}),
        ({"landing_url": f"{PAGE}?utm_source=&utm_medium=%20"}, {}, {}),
        ({"landing_url": f"{PAGE}?" + "a=1&" * 300 + "utm_source=news"}, {}, {}),
        ({}, {"utm_source": 5, "gclid": None, "question": "utm_source"}, {}),
    ],
)
def test_parameters_are_found_in_fields_answers_landing_page_and_referrer(
    campaign: dict[str, str], answers: dict[str, JsonValue], found: dict[str, str]
) -> None:
    assert said(campaigns.understood(Campaign(**campaign), answers)) == found


@pytest.mark.parametrize(
    ("campaign", "name"),
    [
        ({"utm_campaign": "spring-26"}, "Spring fair"),
        ({"landing_url": f"{PAGE}?utm_campaign=Spring"}, "Spring fair"),
        ({"utm_campaign": "spring-26", "name": "sf"}, "Spring fair"),
        ({"utm_campaign": "autumn", "name": "Autumn fair"}, "Autumn fair"),
        ({"utm_campaign": "autumn", "click_id": "x1"}, "Ads"),
        ({}, None),
    ],
)
def test_a_campaign_has_the_name_that_the_bundle_has_for_it(
    campaign: dict[str, str], name: str | None
) -> None:
    profile = Profile(brand="main", source="website", campaign=Campaign(**campaign))
    found = normalise(profile, {}, sources_of(BUNDLE)["website"], BUNDLE.definitions)
    assert found.profile.campaign.name == name
    assert found.as_sent.get("campaign.name", name) == campaign.get("name", name)


queries = st.lists(
    st.tuples(st.sampled_from(["utm_source", "gclid", "x", "%"]), st.text(max_size=20)), max_size=5
).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))


@given(
    st.none() | st.text(max_size=200) | queries.map(lambda query: f"{PAGE}?{query}"),
    st.dictionaries(st.sampled_from(["utm_source", "hidden.fbclid", "q"]), st.text(), max_size=3),
)
def test_whatever_is_sent_readers_can_read(url: str | None, answers: dict[str, JsonValue]) -> None:
    found = campaigns.understood(Campaign(landing_url=url), answers)
    assert Campaign.model_validate_json(found.model_dump_json()) == found
    assert all(value.isprintable() for value in said(found).values())
    assert campaigns.understood(found, {}) == found
