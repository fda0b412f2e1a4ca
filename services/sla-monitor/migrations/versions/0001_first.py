"""The runner's tables, and the list of clocks."""

import sqlalchemy as sa
from alembic import op

from baton.runtime import revisions

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    revisions.create_first()
    op.create_table(
        "clock",
        sa.Column("clock_id", sa.Uuid(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("rep", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("calendar", sa.Text(), nullable=False),
        sa.Column("allowed_seconds", sa.BigInteger(), nullable=False),
        sa.Column("reassign", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fact", sa.Uuid(), nullable=True),
        sa.Column("used_seconds", sa.BigInteger(), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("breached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late_seconds", sa.BigInteger(), nullable=True),
        sa.Column("facts_complete", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("clock_id"),
        comment="Each promise and how it stands, for the API. Kept until its lead is erased.",
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "clock_breach",
        "clock",
        ["breached_at", "clock_id"],
        unique=False,
        postgresql_where=sa.text("breached_at IS NOT NULL"),
    )
    op.create_index(
        "clock_breach_pool",
        "clock",
        ["pool", "breached_at", "clock_id"],
        unique=False,
        postgresql_where=sa.text("breached_at IS NOT NULL"),
    )
    op.create_index(
        "clock_breach_team",
        "clock",
        ["team", "breached_at", "clock_id"],
        unique=False,
        postgresql_where=sa.text("breached_at IS NOT NULL"),
    )
    op.create_index("clock_lead", "clock", ["lead_id", "started_at"], unique=False)


def downgrade() -> None:
    op.drop_table("clock")
    revisions.drop_first()
