"""The tables that the runner keeps in each service's schema, with what is kept how long."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSON

TIME = DateTime(timezone=True)


def define(metadata: MetaData) -> None:
    """Add the runner's tables to a service's metadata; retention stands in each comment."""
    Table(
        "deployment",
        metadata,
        Column("one", Boolean, primary_key=True, server_default="true"),
        Column("shards", Integer, nullable=False),
        Column("clock", Text, nullable=False),
        comment="What was fixed when the schema was empty. Kept for good.",
    )
    Table(
        "shard",
        metadata,
        Column("shard", Integer, primary_key=True),
        Column("epoch", BigInteger, nullable=False, server_default="0"),
        Column("clock", TIME),
        # Of the activation for which the subjects of the shard were given their commands.
        Column("activated", Text),
        postgresql_with={"fillfactor": 50},
        comment="The fence, and the events' clock where the schema has that. Kept for good.",
    )
    Table(
        "position",
        metadata,
        Column("shard", Integer, primary_key=True),
        Column("topic", Text, primary_key=True),
        Column("next_offset", BigInteger, nullable=False),
        postgresql_with={"fillfactor": 50},
        comment="The next offset of each partition. Kept for good.",
    )
    for name in ("inbox_0", "inbox_1"):
        Table(
            name,
            metadata,
            Column("id", Uuid, primary_key=True),
            comment="Ids of events that took effect. Emptied when all in it is past the span.",
        )
    Table(
        "inbox_turn",
        metadata,
        Column("one", Boolean, primary_key=True, server_default="true"),
        Column("current", SmallInteger, nullable=False),
        Column("since", TIME, nullable=False),
        comment="Which inbox table is written to, since when. One row.",
    )
    Table(
        "subject",
        metadata,
        Column("kind", Text, primary_key=True),
        Column("id", Uuid, primary_key=True),
        Column("shard", Integer, nullable=False),
        Column("version", SmallInteger, nullable=False),
        Column("state", JSON(none_as_null=True)),
        Column("sequences", JSON, nullable=False),
        Column("erased_at", TIME),
        # The activation whose command the subject was given last.
        Column("activated", Uuid),
        postgresql_with={"fillfactor": 70},
        comment="The state of each lead, or of another subject. Kept until it is erased; the "
        "tombstone for good.",
    )
    Table(
        "outbox",
        metadata,
        Column("shard", Integer, primary_key=True),
        Column("id", BigInteger, Identity(always=True, cache=1), primary_key=True),
        Column("event_id", Uuid, nullable=False),
        Column("topic", Text, nullable=False),
        Column("key", LargeBinary, nullable=False),
        Column("headers", JSON, nullable=False),
        Column("value", LargeBinary, nullable=False),
        comment="What must still be published, in order. Gone once Kafka has it.",
    )
    Table(
        "command",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("shard", Integer, nullable=False),
        Column("subject_kind", Text, nullable=False),
        Column("subject_id", Uuid, nullable=False),
        Column("kind", Text, nullable=False),
        Column("body", JSON, nullable=False),
        Column("version", SmallInteger, nullable=False),
        Column("made_at", TIME, nullable=False),
        Column("traceparent", Text),
        Index("command_shard", "shard", "made_at", "id"),
        comment="What was asked of a shard. Gone once it is done.",
    )
    Table(
        "answer",
        metadata,
        Column("command_id", Uuid, primary_key=True),
        Column("subject_kind", Text, nullable=False),
        Column("subject_id", Uuid, nullable=False),
        Column("body", JSON, nullable=False),
        Column("at", TIME, nullable=False),
        Index("answer_at", "at"),
        comment="What a command's request is told. Kept for an hour.",
    )
    Table(
        "timer",
        metadata,
        Column("subject_kind", Text, primary_key=True),
        Column("subject_id", Uuid, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("shard", Integer, nullable=False),
        Column("due_at", TIME, nullable=False),
        Column("accuses", Boolean, nullable=False),
        Column("version", SmallInteger, nullable=False),
        Column("traceparent", Text),
        Index("timer_due", "shard", "accuses", "due_at"),
        comment="What must happen at a time. Gone once it has.",
    )
    Table(
        "dead_letter",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("shard", Integer, nullable=False),
        Column("kind", Text, nullable=False),
        Column("subject_kind", Text),
        Column("subject_id", Uuid),
        Column("topic", Text),
        Column("offset", BigInteger),
        Column("key", LargeBinary),
        Column("headers", JSON),
        Column("value", LargeBinary),
        Column("reason", Text, nullable=False),
        Column("failures", Integer, nullable=False),
        Column("failed_at", TIME, nullable=False),
        Column("replayed_at", TIME),
        Index("dead_letter_failed", "failed_at"),
        Index("dead_letter_subject", "subject_id"),
        comment="What could not be processed, whole. Kept for 90 days.",
    )
    Table(
        "breaker",
        metadata,
        Column("one", Boolean, primary_key=True, server_default="true"),
        Column("tripped_at", TIME),
        Column("why", Text),
        Column("resumed_at", TIME),
        Column("resumed_by", Text),
        comment="Whether the service stopped itself. One row.",
    )
    Table(
        "policy_bundle",
        metadata,
        Column("hash", Text, primary_key=True),
        Column("files", JSON, nullable=False),
        comment="Every bundle that was published. Kept for good, since decisions name them.",
    )
    Table(
        "policy_in_force",
        metadata,
        Column("one", Boolean, primary_key=True, server_default="true"),
        Column("activations", JSON, nullable=False),
        comment="Every activation, in order of effect. One row, which every transaction reads.",
    )
    Table(
        "accepted_loss",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("shard", Integer, nullable=False),
        Column("topic", Text, nullable=False),
        Column("from_offset", BigInteger, nullable=False),
        Column("to_offset", BigInteger, nullable=False),
        Column("at", TIME, nullable=False),
        Column("by", Text, nullable=False),
        Column("why", Text, nullable=False),
        comment="Positions that an operator moved over records that are gone. Kept for good.",
    )
