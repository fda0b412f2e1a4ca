"""The runner's tables, pools and reps, assignments and decisions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON

from baton.runtime import revisions

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    revisions.create_first()
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
        "pool",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("credits", JSON(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        comment="Whose turn it is in each pool, by rep. Kept for good: pools may come back.",
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


def downgrade() -> None:
    op.drop_table("assignment")
    op.drop_table("decision")
    op.drop_table("pool")
    op.drop_table("rep")
    revisions.drop_first()
