"""Deliveries that were not understood can be replayed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE = "delivery_failed"
INDEX = "delivery_failed_received"


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.add_column(TABLE, sa.Column("failures", sa.Integer(), server_default="1", nullable=False))
    op.alter_column(TABLE, "failures", server_default=None)
    op.add_column(TABLE, sa.Column("failed_at", time, nullable=True))
    op.execute(f"UPDATE {TABLE} SET failed_at = received_at")  # noqa: S608 - a name of our own
    op.alter_column(TABLE, "failed_at", nullable=False)
    op.add_column(TABLE, sa.Column("replayed_at", time, nullable=True))
    op.drop_index(INDEX, TABLE)
    op.create_index(INDEX, TABLE, ["received_at", "id"], unique=False)


def downgrade() -> None:
    op.drop_index(INDEX, TABLE)
    op.create_index(INDEX, TABLE, ["received_at"], unique=False)
    for column in ("replayed_at", "failed_at", "failures"):
        op.drop_column(TABLE, column)
