"""A row for each life of a server, by which the time without one is known.

An older release writes none: while it runs, no server seems to.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table; nothing that was there changes."""
    op.create_table(
        "lives",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lives"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("lives")
