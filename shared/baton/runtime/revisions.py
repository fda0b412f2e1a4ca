"""The runner's tables as the migrations of every service make them; what stands here is frozen.

A change of `tables.py` is a new pair of functions here, and a new revision in each service.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON


def create_first() -> None:
    """The tables of the first release."""
    op.create_table(
        "accepted_loss",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("from_offset", sa.BigInteger(), nullable=False),
        sa.Column("to_offset", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        comment="Positions that an operator moved over records that are gone. Kept for good.",
    )
    op.create_table(
        "answer",
        sa.Column("command_id", sa.Uuid(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("body", JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("command_id"),
        comment="What a command's request is told. Kept for an hour.",
    )
    op.create_index("answer_at", "answer", ["at"], unique=False)
    op.create_table(
        "breaker",
        sa.Column("one", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("tripped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resumed_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("one"),
        comment="Whether the service stopped itself. One row.",
    )
    op.create_table(
        "command",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        comment="What was asked of a shard. Gone once it is done.",
    )
    op.create_index("command_shard", "command", ["shard", "made_at"], unique=False)
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("offset", sa.BigInteger(), nullable=True),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("headers", JSON(), nullable=True),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replayed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        comment="What could not be processed, whole. Kept for 90 days.",
    )
    op.create_index("dead_letter_failed", "dead_letter", ["failed_at"], unique=False)
    op.create_index("dead_letter_lead", "dead_letter", ["lead_id"], unique=False)
    op.create_table(
        "deployment",
        sa.Column("one", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("shards", sa.Integer(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("one"),
        comment="What was fixed when the schema was empty. Kept for good.",
    )
    op.create_table(
        "inbox_0",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        comment="Ids of events that took effect. Emptied when all in it is past the span.",
    )
    op.create_table(
        "inbox_1",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        comment="Ids of events that took effect. Emptied when all in it is past the span.",
    )
    op.create_table(
        "inbox_turn",
        sa.Column("one", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("current", sa.SmallInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("one"),
        comment="Which inbox table is written to, since when. One row.",
    )
    op.create_table(
        "lead",
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("state", JSON(), nullable=True),
        sa.Column("sequences", JSON(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("lead_id"),
        comment="The state of each lead. Kept until it is erased; the tombstone for good.",
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "outbox",
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True, cache=1), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("headers", JSON(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "id"),
        comment="What must still be published, in order. Gone once Kafka has it.",
    )
    op.create_table(
        "policy_bundle",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("files", JSON(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        comment="Every bundle that was published. Kept for good, since decisions name them.",
    )
    op.create_table(
        "policy_in_force",
        sa.Column("one", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("activations", JSON(), nullable=False),
        sa.PrimaryKeyConstraint("one"),
        comment="Every activation, in order of effect. One row, which every transaction reads.",
    )
    op.create_table(
        "position",
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "topic"),
        comment="The next offset of each partition. Kept for good.",
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "shard",
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("clock", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("shard"),
        comment="The fence, and the events' clock where the schema has that. Kept for good.",
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "timer",
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accuses", sa.Boolean(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("lead_id", "name"),
        comment="What must happen at a time. Gone once it has.",
    )
    op.create_index("timer_due", "timer", ["shard", "due_at"], unique=False)


def drop_first() -> None:
    """Drop the tables of `create_first`."""
    for table in (
        "timer",
        "shard",
        "position",
        "policy_in_force",
        "policy_bundle",
        "outbox",
        "lead",
        "inbox_turn",
        "inbox_1",
        "inbox_0",
        "deployment",
        "dead_letter",
        "command",
        "breaker",
        "answer",
        "accepted_loss",
    ):
        op.drop_table(table)


def add_subjects() -> None:
    """A lead becomes one kind of subject; states, timers and commands carry a version.

    Processes of the release before can't work on the tables after this. They hold no transaction
    open while they stand still, so it does not wait for them; they fail until they are stopped.
    """
    op.rename_table("lead", "subject")
    op.alter_column("subject", "lead_id", new_column_name="id")
    _add_kind("subject", "kind")
    _add_version("subject")
    op.add_column("subject", sa.Column("activated", sa.Uuid()))
    op.drop_constraint("lead_pkey", "subject", type_="primary")
    op.create_primary_key("subject_pkey", "subject", ["kind", "id"])
    op.create_table_comment(
        "subject",
        "The state of each lead, or of another subject. Kept until it is erased; the tombstone for "
        "good.",
    )
    for table in ("timer", "command", "answer", "dead_letter"):
        op.alter_column(table, "lead_id", new_column_name="subject_id")
        _add_kind(table, "subject_kind", nullable=table == "dead_letter")
    op.execute("UPDATE dead_letter SET subject_kind = NULL WHERE subject_id IS NULL")
    _add_version("timer")
    _add_version("command")
    op.drop_column("answer", "status")
    op.add_column("shard", sa.Column("activated", sa.Text()))
    op.drop_constraint("timer_pkey", "timer", type_="primary")
    op.create_primary_key("timer_pkey", "timer", ["subject_kind", "subject_id", "name"])
    op.drop_index("timer_due", "timer")
    op.create_index("timer_due", "timer", ["shard", "accuses", "due_at"])
    op.drop_index("command_shard", "command")
    op.create_index("command_shard", "command", ["shard", "made_at", "id"])
    op.drop_index("dead_letter_lead", "dead_letter")
    op.create_index("dead_letter_subject", "dead_letter", ["subject_id"])


def _add_kind(table: str, name: str, *, nullable: bool = False) -> None:
    """All that is there is about leads."""
    op.add_column(table, sa.Column(name, sa.Text(), server_default="lead", nullable=nullable))
    op.alter_column(table, name, server_default=None)


def _add_version(table: str) -> None:
    op.add_column(
        table, sa.Column("version", sa.SmallInteger(), server_default="1", nullable=False)
    )
    op.alter_column(table, "version", server_default=None)


def remove_subjects() -> None:
    """Take back what `add_subjects` changed; subjects of other kinds are lost."""
    op.execute("DELETE FROM subject WHERE kind <> 'lead'")
    op.drop_constraint("subject_pkey", "subject", type_="primary")
    op.create_primary_key("lead_pkey", "subject", ["id"])
    op.drop_column("subject", "kind")
    op.drop_column("subject", "version")
    op.drop_column("subject", "activated")
    op.alter_column("subject", "id", new_column_name="lead_id")
    op.rename_table("subject", "lead")
    op.create_table_comment(
        "lead", "The state of each lead. Kept until it is erased; the tombstone for good."
    )
    op.drop_index("dead_letter_subject", "dead_letter")
    op.drop_constraint("timer_pkey", "timer", type_="primary")
    for table in ("timer", "command", "answer", "dead_letter"):
        op.execute(f"DELETE FROM {table} WHERE subject_kind <> 'lead'")  # noqa: S608 - of four names
        op.drop_column(table, "subject_kind")
        op.alter_column(table, "subject_id", new_column_name="lead_id")
    op.create_primary_key("timer_pkey", "timer", ["lead_id", "name"])
    op.drop_column("timer", "version")
    op.drop_column("command", "version")
    op.add_column(
        "answer", sa.Column("status", sa.SmallInteger(), server_default="202", nullable=False)
    )
    op.alter_column("answer", "status", server_default=None)
    op.drop_column("shard", "activated")
    op.drop_index("timer_due", "timer", if_exists=True)
    op.create_index("timer_due", "timer", ["shard", "due_at"])
    op.drop_index("command_shard", "command")
    op.create_index("command_shard", "command", ["shard", "made_at"])
    op.create_index("dead_letter_lead", "dead_letter", ["lead_id"])
