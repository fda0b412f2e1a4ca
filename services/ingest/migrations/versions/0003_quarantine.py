"""The quarantine."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quarantine",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("reasons", JSON(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.Column("data", JSON(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("event_id"),
        comment="Enquiries that a rule holds back. Kept until decided on, and 30 days after that.",
    )
    op.create_index("quarantine_received", "quarantine", ["received_at", "event_id"], unique=False)
    op.create_index("quarantine_decided", "quarantine", ["decided_at"], unique=False)
    op.create_index("quarantine_lead", "quarantine", ["lead_id"], unique=False)


def downgrade() -> None:
    op.drop_table("quarantine")
