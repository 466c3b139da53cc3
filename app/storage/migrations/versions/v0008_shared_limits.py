"""What several processes count together: what was used up of hourly budgets, and sessions by address.

An older release has never heard of the tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "spent",
        sa.Column("key", sa.String(32), primary_key=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "crowds",
        sa.Column("node", sa.Uuid, primary_key=True),
        sa.Column("key", sa.String(32), primary_key=True),
        sa.Column("sessions", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("crowds")
    op.drop_table("spent")
