"""Leads that their delivery names by an id alone wait for their details."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSON

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incomplete",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("document", JSON(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("headers", JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lead_ids", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
        comment="Leads whose details are still to be fetched. Gone once they are, or given up.",
    )
    op.create_index("incomplete_due", "incomplete", ["due_at"], unique=False)
    op.create_index("incomplete_received", "incomplete", ["received_at", "event_id"], unique=False)
    op.create_index(
        "incomplete_leads", "incomplete", ["lead_ids"], unique=False, postgresql_using="gin"
    )


def downgrade() -> None:
    op.drop_table("incomplete")
