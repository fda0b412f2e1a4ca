"""The runner's tables, pools and reps, assignments and decisions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
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
        "assignment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("enquiry", sa.Uuid(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("rep", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("sla_policy", sa.Text(), nullable=False),
        sa.Column("previous_rep", sa.Text(), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_code", sa.Text(), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        comment="Who had which lead when; at most one is current. Kept until its lead is erased.",
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "assignment_current",
        "assignment",
        ["lead_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("assignment_lead", "assignment", ["lead_id", "assigned_at"], unique=False)
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
        "decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("released", sa.Uuid(), nullable=True),
        sa.Column("question", JSON(none_as_null=True), nullable=True),
        sa.Column("choice", JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        comment="What was decided and all that it depended on. Kept until its lead is erased.",
    )
    op.create_index("decision_lead", "decision", ["lead_id", "at"], unique=False)
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
        sa.Column("state", JSON(none_as_null=True), nullable=True),
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
        "pool",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("credits", JSON(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        comment="Whose turn it is in each pool, by rep. Kept for good: pools may come back.",
        postgresql_with={"fillfactor": 50},
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
        "rep",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("open_leads", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        comment="How many open leads each rep has. Kept for good: reps may come back.",
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


def downgrade() -> None:
    for table in (
        "accepted_loss",
        "answer",
        "assignment",
        "breaker",
        "command",
        "dead_letter",
        "decision",
        "deployment",
        "inbox_0",
        "inbox_1",
        "inbox_turn",
        "lead",
        "outbox",
        "policy_bundle",
        "policy_in_force",
        "pool",
        "position",
        "rep",
        "shard",
        "timer",
    ):
        op.drop_table(table)
