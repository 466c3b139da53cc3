"""A row for each life of a server, by which one alone writes to a PostgreSQL database."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table; nothing that was there changes."""
    op.create_table(
        "nodes",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("address", sa.String),
        sa.Column("version", sa.String),
        sa.Column("schema_from", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("sessions", sa.Integer),
        sa.Column("room", sa.Integer),
        sa.Column("renewed_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_nodes"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("nodes")
