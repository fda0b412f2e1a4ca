"""Clicks of mail scanners, as the activities of a lead show them together.

A scanner follows the links of a mail before the person to whom it is sent has seen it: several of
them at once, or one within seconds of the delivery. Both are relations between activities, so they
are asked of all that is kept, whatever came first.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from baton.events import ActivityType
from scoring.domain.state import Activity
from scoring.policy.scoring import Scanners

LINKS_AT_ONCE, AFTER_DELIVERY = "links-at-once", "after-delivery"


def clicks(activities: Sequence[Activity], scanners: Scanners | None) -> dict[UUID, str]:
    """By the activity's id why a scanner did it; activities come sorted by their time."""
    if scanners is None:
        return {}
    clicked = [activity for activity in activities if activity.type is ActivityType.MAIL_CLICKED]
    if not clicked:
        return {}
    found: dict[UUID, str] = {}
    if scanners.after_delivery is not None:
        delivered = [
            each.occurred_at for each in activities if each.type is ActivityType.MAIL_DELIVERED
        ]
        for click in clicked:
            if _follows(delivered, click.occurred_at, scanners.after_delivery):
                found[click.id] = AFTER_DELIVERY
    if scanners.links_within is not None:
        found |= dict.fromkeys(_at_once(clicked, scanners.links_within), LINKS_AT_ONCE)
    return found


def _follows(delivered: Sequence[datetime], at: datetime, within: timedelta) -> bool:
    return bisect_left(delivered, at - within) < bisect_right(delivered, at)


def _at_once(clicked: Sequence[Activity], within: timedelta) -> set[UUID]:
    """Clicks on different links that are no further apart than that; twice on one is a person's."""
    found: set[UUID] = set()
    for number, click in enumerate(clicked):
        for other in clicked[number + 1 :]:
            if other.occurred_at - click.occurred_at > within:
                break
            if other.subject != click.subject:
                found |= {click.id, other.id}
    return found
