"""When each source was heard, so that one that goes quiet is noticed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "source_hour",
        sa.Column("hour", time, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.Column("last_at", time, nullable=False),
        sa.PrimaryKeyConstraint("hour", "source"),
        comment="In which minutes of which hour a source was heard. Kept for 8 weeks.",
    )
    op.create_index("source_hour_source", "source_hour", ["source", "hour"], unique=False)
    op.create_table(
        "source_quiet",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("last_seen_at", time, nullable=False),
        sa.PrimaryKeyConstraint("source"),
        comment="Sources that were told of as quiet. Gone once they are heard again.",
    )
    op.create_table(
        "source_listening",
        sa.Column("one", sa.Boolean(), nullable=False),
        sa.Column("since", time, nullable=False),
        sa.Column("until", time, nullable=False),
        sa.CheckConstraint("one"),
        sa.PrimaryKeyConstraint("one"),
        comment="Since when sources are listened to without a break. One row.",
    )


def downgrade() -> None:
    for table in ("source_hour", "source_quiet", "source_listening"):
        op.drop_table(table)
