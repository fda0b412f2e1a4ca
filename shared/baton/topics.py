"""Every topic, declared once: its key, partitions and retention.

Which services write it, they declare themselves (`ServiceManifest.writes`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Key(StrEnum):
    """The meaning of a record's key; its bytes are the text in UTF-8."""

    LEAD = "lead id"
    POLICY = "bundle hash or activation id"
    SUBJECT = "subject"
    EVENT = "event id"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as `baton topics apply` makes it.

    A topic keyed by lead has as many partitions as the deployment has shards; the others have one.
    """

    name: str
    key: Key
    retention: timedelta | None
    says: str
    writer: str | None = None
    """What writes it, in words, where that is not for single services to declare."""

    @property
    def sharded(self) -> bool:
        """Partition n of each sharded topic belongs to shard n."""
        return self.key is Key.LEAD

    @property
    def config(self) -> dict[str, str]:
        """Kafka's settings for the topic.

        `segment.ms` is set since a quiet partition never rolls by size, and keeps what it holds
        past its retention.
        """
        if self.retention is None:
            return {"cleanup.policy": "compact"}
        milliseconds = int(self.retention / timedelta(milliseconds=1))
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(milliseconds),
            "segment.ms": str(min(milliseconds, int(SEGMENT / timedelta(milliseconds=1)))),
        }


def durability(copies: int) -> dict[str, str]:
    """Kafka's settings for a topic with this number of copies. An acknowledged record survives the
    loss of a broker; with three copies, one broker may be away.
    """
    return {"min.insync.replicas": "2"} if copies >= _COPIES_THAT_LAST else {}


_COPIES_THAT_LAST = 3

SEGMENT = timedelta(days=1)
FACTS = timedelta(days=14)
REPORTS = timedelta(days=90)

EVERY_SERVICE = "all services"

LEAD_CAPTURED = Topic("lead-captured", Key.LEAD, FACTS, "A person left an enquiry.")
LEAD_ACTIVITY = Topic("lead-activity", Key.LEAD, FACTS, "A person engaged with us.")
LEAD_SCORED = Topic(
    "lead-scored", Key.LEAD, FACTS, "Fit, engagement, grade and stage, with the reasons."
)
LEAD_ROUTED = Topic("lead-routed", Key.LEAD, FACTS, "Who has the lead, or why nobody has.")
LEAD_FOLLOWUP = Topic("lead-followup", Key.LEAD, FACTS, "What the rep or the CRM did.")
LEAD_SLA = Topic("lead-sla", Key.LEAD, FACTS, "The life of each promise's clock.")
LEAD_IDENTITY = Topic("lead-identity", Key.LEAD, FACTS, "Who must be forgotten.")
POLICY = Topic(
    "policy",
    Key.POLICY,
    None,
    "Bundles, and which is in force since when.",
    "baton policy activate",
)
OPERATIONS = Topic(
    "operations", Key.SUBJECT, REPORTS, "What an operator wants to know.", EVERY_SERVICE
)
DEAD_LETTER = Topic(
    "dead-letter", Key.EVENT, REPORTS, "What could not be processed, and why.", EVERY_SERVICE
)

ALL: Sequence[Topic] = (
    LEAD_CAPTURED,
    LEAD_ACTIVITY,
    LEAD_SCORED,
    LEAD_ROUTED,
    LEAD_FOLLOWUP,
    LEAD_SLA,
    LEAD_IDENTITY,
    POLICY,
    OPERATIONS,
    DEAD_LETTER,
)
