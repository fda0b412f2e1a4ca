"""What waits for its lead, and aliases that are another lead's first."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSON

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table_comment(
        "alias",
        "The records, phones, calls and meetings by which leads are known. "
        "Kept until a lead is erased.",
    )
    op.add_column(
        "alias", sa.Column("own", sa.Boolean(), nullable=False, server_default=sa.text("true"))
    )
    op.create_table(
        "waiting",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("names", JSON(), nullable=False),
        sa.Column("name_ids", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("headers", JSON(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("lead_ids", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("due", sa.Boolean(), nullable=False),
        sa.Column("reported_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("event_id"),
        comment=(
            "Follow-ups and activities of people whom nobody has captured. "
            "Gone once their lead is known, after 30 days, or when the person is erased."
        ),
    )
    op.create_index("waiting_names", "waiting", ["name_ids"], postgresql_using="gin")
    op.create_index("waiting_leads", "waiting", ["lead_ids"], postgresql_using="gin")
    op.create_index("waiting_received", "waiting", ["received_at"])
    op.create_index("waiting_due", "waiting", ["number"], postgresql_where=sa.text("due"))
    op.create_index(
        "waiting_unreported",
        "waiting",
        ["received_at"],
        postgresql_where=sa.text("reported_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("waiting")
    op.drop_column("alias", "own")
    op.create_table_comment(
        "alias",
        "The external ids and phones by which leads are known. Kept until a lead is erased.",
    )
