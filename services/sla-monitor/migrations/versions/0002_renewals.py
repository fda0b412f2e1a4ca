"""A clock's due time may move, and a retraction says why.

The columns may be null: what an older release has written, and goes on writing meanwhile, has none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clock", sa.Column("due_before", sa.DateTime(timezone=True), nullable=True))
    op.add_column("clock", sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("clock", sa.Column("moved_by", sa.Uuid(), nullable=True))
    op.add_column("clock", sa.Column("retracted_code", sa.Text(), nullable=True))


def downgrade() -> None:
    for name in ("retracted_code", "moved_by", "moved_at", "due_before"):
        op.drop_column("clock", name)
