"""A lead becomes one kind of subject. All processes of the service must be stopped meanwhile."""

from baton.runtime import revisions

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revisions.add_subjects()


def downgrade() -> None:
    revisions.remove_subjects()
