"""Which activities no person did: a crawler's page views, a mail scanner's opens and clicks.

Here is what one activity shows by itself. That several links of a mail were followed at once is for
scoring to see, which has the activities of a lead together.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from functools import lru_cache

from crawlerdetect import CrawlerDetect
from pydantic import JsonValue

from baton.events import ActivityType, LeadActivity
from baton.policy.definitions import Definitions
from baton.policy.fields import facts_of_activity
from ingest.capture.normalisation.names import flat

DECLARED, VENDOR, USER_AGENT = "declared", "vendor", "user-agent"

_VENDORS_WORDS = frozenset(
    {
        "isbot",
        "isbotactivity",
        "botactivity",
        "botclick",
        "ismachine",
        "machineopen",
        "machineclick",
        "ismachineopen",
        "ismachineclick",
        "sgmachineopen",
        "filteredevent",
        "prefetched",
        "isprefetched",
    }
)
_AGENTS = frozenset({"useragent", "browseruseragent", "clientuseragent", "useragentstring"})
_SEEN_BY_AGENT = frozenset(
    {
        ActivityType.PAGE_VIEWED,
        ActivityType.MAIL_OPENED,
        ActivityType.MAIL_CLICKED,
        ActivityType.CONTENT_DOWNLOADED,
    }
)
_SCANNERS = re.compile(
    r"barracuda|proofpoint|mimecast|safe ?links|google-safety|symantec|messagelabs|trend ?micro"
    r"|cloudmark|fireeye|trellix|sophos|forcepoint|zscaler|ironport|spamtitan",
    re.IGNORECASE,
)
"""Programs that scan mails before they are delivered."""

_PEOPLES = re.compile(
    r"googleimageproxy|yahoomailproxy|outlook-(ios|android)|airmail|thunderbird", re.IGNORECASE
)
"""Programs by which people read mail, though lists of crawlers have some of them."""

_MOST_VALUES = 500
_LONGEST = 1_000
_CRAWLERS = CrawlerDetect()
_CRAWLERS.isCrawler("compiled once, before anybody waits for it")


def mark(
    activity: LeadActivity, answers: Mapping[str, JsonValue], definitions: Definitions
) -> str | None:
    """How an activity was recognised as a bot's: by the sender, the vendor, the user agent or a
    rule of the bundle. None if a person did it. An unsubscription counts as a person's, also if a
    scanner may have followed the link: unwanted mail does more harm than missing mail.
    """
    if activity.bot:
        return DECLARED
    if activity.type is ActivityType.UNSUBSCRIBED:
        return None
    texts = {flat(name): value for name, value in _values(answers)}
    if any(name in texts and str(texts[name]).lower() == "true" for name in _VENDORS_WORDS):
        return VENDOR
    agents = [str(texts[name]) for name in _AGENTS if name in texts]
    if activity.type in _SEEN_BY_AGENT and any(map(is_bots, agents)):
        return USER_AGENT
    facts = facts_of_activity(activity)
    rules = definitions.bot_activities
    return next((rule.id for rule in rules if rule.when.holds(facts)), None)


def is_bots(user_agent: str) -> bool:
    """Whether no person has a program that calls itself so."""
    return _is_bots(user_agent[:_LONGEST])


@lru_cache(maxsize=8192)
def _is_bots(user_agent: str) -> bool:
    if _SCANNERS.search(user_agent):
        return True
    return bool(_CRAWLERS.isCrawler(user_agent)) and not _PEOPLES.search(user_agent)


def _values(answers: Mapping[str, JsonValue]) -> Iterator[tuple[str, str | bool]]:
    """The values in the answers by the last part of their path, the least nested first."""
    waiting: deque[tuple[str, JsonValue]] = deque(answers.items())
    for _ in range(_MOST_VALUES):
        if not waiting:
            return
        path, value = waiting.popleft()
        match value:
            case dict():
                waiting += value.items()
            case list():
                waiting += ((path, element) for element in value)
            case str() | bool():
                yield path.rpartition(".")[2], value
            case _:
                pass
