"""Titles that users give their talks.

The columns may be null, and an older release leaves them so: the title is then how the first text begins.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("sessions", sa.Column("given_title", sa.Text))
    op.add_column("sessions", sa.Column("folded_title", sa.Text))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("sessions", "folded_title")
    op.drop_column("sessions", "given_title")
