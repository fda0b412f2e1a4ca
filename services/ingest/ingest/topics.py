"""The topics that ingest writes, beside those that every service writes."""

from collections.abc import Sequence

from baton import topics
from baton.topics import Topic

OWN: Sequence[Topic] = (
    topics.LEAD_CAPTURED,
    topics.LEAD_ACTIVITY,
    topics.LEAD_FOLLOWUP,
    topics.LEAD_IDENTITY,
)
