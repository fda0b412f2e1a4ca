"""Intake's tables beside the runner's, with what is kept how long."""

from datetime import timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON

from baton.runtime import tables

FAILED_KEPT = timedelta(days=30)
"""The retention of failed deliveries."""

DECIDED_KEPT = timedelta(days=30)
"""The retention of enquiries after the decision to release or discard them."""

WAITING_KEPT = timedelta(days=30)
"""The retention of unmatched deliveries."""

METADATA = MetaData()
_TIME = DateTime(timezone=True)

tables.define(METADATA)

Table(
    "alias",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("brand", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("lead_id", Uuid, primary_key=True),
    Column("seen_at", _TIME, nullable=False),
    Column("own", Boolean, nullable=False, server_default=text("true")),
    Index("alias_lead", "lead_id"),
    comment=(
        "The records, phones, calls and meetings by which leads are known. "
        "Kept until a lead is erased."
    ),
)
Table(
    "waiting",
    METADATA,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("names", JSON, nullable=False),
    Column("name_ids", ARRAY(Uuid), nullable=False),
    Column("topic", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("lead_ids", ARRAY(Uuid), nullable=False),
    Column("received_at", _TIME, nullable=False),
    Column("due", Boolean, nullable=False),
    Column("reported_at", _TIME),
    Index("waiting_names", "name_ids", postgresql_using="gin"),
    Index("waiting_leads", "lead_ids", postgresql_using="gin"),
    Index("waiting_received", "received_at"),
    Index("waiting_due", "number", postgresql_where=text("due")),
    Index("waiting_unreported", "received_at", postgresql_where=text("reported_at IS NULL")),
    comment=(
        "Follow-ups and activities of people whom nobody has captured. "
        "Gone once their lead is known, after 30 days, or when the person is erased."
    ),
)
Table(
    "spool",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("process", Uuid, nullable=False),
    Column("shard", Integer, nullable=False),
    Column("topic", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("spooled_at", _TIME, nullable=False),
    comment="Events taken while Kafka was away, in order. Gone once Kafka has them.",
)
Table(
    "quarantine",
    METADATA,
    Column("event_id", Uuid, primary_key=True),
    Column("lead_id", Uuid, nullable=False),
    Column("source", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("policy", Text),
    Column("traceparent", Text),
    Column("data", JSON, nullable=False),
    Column("received_at", _TIME, nullable=False),
    Column("decision", Text),
    Column("decided_at", _TIME),
    Column("decided_by", Text),
    Column("why", Text),
    Index("quarantine_received", "received_at", "event_id"),
    Index("quarantine_decided", "decided_at"),
    Index("quarantine_lead", "lead_id"),
    comment="Enquiries that a rule holds back. Kept until decided on, and 30 days after that.",
)
Table(
    "source_hour",
    METADATA,
    Column("hour", _TIME, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("minutes", BigInteger, nullable=False),
    Column("last_at", _TIME, nullable=False),
    Index("source_hour_source", "source", "hour"),
    comment="In which minutes of which hour a source was heard. Kept for 8 weeks.",
)
Table(
    "source_quiet",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("last_seen_at", _TIME, nullable=False),
    comment="Sources that were told of as quiet. Gone once they are heard again.",
)
Table(
    "source_listening",
    METADATA,
    Column("one", Boolean, CheckConstraint("one"), primary_key=True),
    Column("since", _TIME, nullable=False),
    Column("until", _TIME, nullable=False),
    comment="Since when sources are listened to without a break. One row.",
)
Table(
    "incomplete",
    METADATA,
    Column("event_id", Uuid, primary_key=True),
    Column("delivery_id", Uuid, nullable=False),
    Column("source", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("document", JSON, nullable=False),
    Column("part", Text, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("lead_ids", ARRAY(Uuid), nullable=False),
    Column("traceparent", Text),
    Column("received_at", _TIME, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", _TIME, nullable=False),
    Index("incomplete_due", "due_at"),
    Index("incomplete_received", "received_at", "event_id"),
    Index("incomplete_leads", "lead_ids", postgresql_using="gin"),
    comment="Leads whose details are still to be fetched. Gone once they are, or given up.",
)
Table(
    "delivery_failed",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("source", Text, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("lead_ids", ARRAY(Uuid), nullable=False),
    Column("received_at", _TIME, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failed_at", _TIME, nullable=False),
    Column("replayed_at", _TIME),
    Index("delivery_failed_received", "received_at", "id"),
    Index("delivery_failed_leads", "lead_ids", postgresql_using="gin"),
    comment="Authentic deliveries that were not understood, whole. Kept for 30 days.",
)
