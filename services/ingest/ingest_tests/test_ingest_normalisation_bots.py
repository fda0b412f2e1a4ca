"""What of the activities that senders tell no person did, as each shows by itself."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import JsonValue

from baton import topics
from baton.events import ActivityType, LeadActivity
from baton.policy.bundle import Bundle
from ingest.capture import events
from ingest.capture.normalisation.bots import is_bots
from ingest.capture.receipt import Receipt
from ingest.capture.submissions import ActivityIn
from ingest.policy.reads import READS
from ingest_tests.harness import FILES, NOW, Process

RULE = """\
bot_activities:
  - id: hidden-link
    label: A link that nobody sees
    when: {field: activity.subject, contains: /do-not-follow}
"""
BUNDLE = Bundle.parse(FILES | {"definitions.yaml": RULE + FILES["definitions.yaml"]}, READS)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/124.0.0.0 Safari/537.36"
)


def told(**said: Any) -> LeadActivity:
    """The event of an activity: a click in a mail, unless it says otherwise."""
    given = ActivityIn.model_validate(
        {"source": "website", "email": "a@example.com", "type": "mail_clicked", **said}
    )
    return events.activity(given, UUID(int=1), BUNDLE.definitions, Receipt(b"", NOW))


@pytest.mark.parametrize(
    ("said", "mark"),
    [
        ({}, None),
        ({"bot": True}, "declared"),
        ({"answers": {"data.is_bot": True}}, "vendor"),
        ({"answers": {"data": {"isBot": "true"}}}, "vendor"),
        ({"answers": {"filteredEvent": True}}, "vendor"),
        ({"sg_machine_open": True, "type": "mail_opened"}, "vendor"),
        ({"answers": {"events": [{"metrics": {"prefetched": True}}]}}, "vendor"),
        ({"answers": {"data.is_bot": False, "prefetched": "false"}}, None),
        ({"answers": {"is_bot_free": True}}, None),
        ({"answers": {"context.userAgent": CHROME}}, None),
        ({"answers": {"context.userAgent": "python-requests/2.31"}}, "user-agent"),
        ({"answers": {"client": {"user_agent": "BarracudaCentral"}}}, "user-agent"),
        ({"user_agent": "Googlebot/2.1", "type": "page_viewed"}, "user-agent"),
        ({"answers": {"user_agent": "curl/8"}, "type": "webinar_attended"}, None),
        ({"subject": "https://www.example.com/do-not-follow?m=1"}, "hidden-link"),
        ({"subject": "https://www.example.com/pricing"}, None),
    ],
)
def test_an_activity_is_a_bots_by_its_sender_its_vendor_its_user_agent_or_the_bundle(
    said: dict[str, JsonValue], mark: str | None
) -> None:
    event = told(**said)
    assert (event.bot, event.bot_mark) == (mark is not None, mark)


def test_who_unsubscribes_does_whoever_followed_the_link() -> None:
    event = told(type="unsubscribed", answers={"user_agent": "BarracudaCentral", "is_bot": True})
    assert (event.bot, event.bot_mark) == (False, None)


@pytest.mark.parametrize(
    ("agent", "bot"),
    [
        (CHROME, False),
        ("", False),
        ("Mozilla/5.0", False),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15", False),
        ("Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)", False),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", False),
        ("Outlook-iOS/709.2226530.prod.iphone (3.24.1)", False),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/90.0 Safari/537.36", True),
        ("Microsoft Office Existence Discovery", True),
        ("Mozilla/5.0 (compatible; Proofpoint URL Defense)", True),
        ("Mozilla/5.0 (Windows NT 6.1; Trident/5.0) Google-Safety", True),
        ("LinkedInBot/1.0", True),
        ("x" * 100_000, False),
    ],
)
def test_a_user_agent_tells_scanners_and_crawlers_from_what_people_read_mail_with(
    agent: str,
    bot: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert is_bots(agent) is bot


def test_answers_without_end_are_not_searched_without_end() -> None:
    many: JsonValue = [{"x": "y"}] * 2_000
    assert not told(answers={"a": [{"x": "y"}] * 2_000 + [{"is_bot": True}]}).bot
    assert told(answers={"a": many, "is_bot": True}).bot


async def test_a_mark_is_on_the_event_that_is_published(process: Process) -> None:
    body = {
        "source": "website",
        "email": "marked@example.com",
        "type": "mail_opened",
        "context": {"userAgent": "curl/8.5"},
    }
    answer = await process.http.post("/v1/activities", json=body)
    (event,) = [
        event.data
        for event in await process.events(topics.LEAD_ACTIVITY)
        if str(event.id) == answer.json()["event_id"]
    ]
    assert isinstance(event, LeadActivity)
    assert (event.type, event.bot, event.bot_mark) == (ActivityType.MAIL_OPENED, True, "user-agent")
