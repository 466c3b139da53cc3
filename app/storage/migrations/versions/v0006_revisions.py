"""Turns in whose place a revision put others.

The column may be null, and an older release leaves it so: it reads superseded turns like all others.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("messages", sa.Column("superseded_by", sa.String))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("messages", "superseded_by")
