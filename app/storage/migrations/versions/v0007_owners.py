"""Which process owns a session, and which change of a profile is the newest.

The columns have defaults, and an older release leaves them so: it writes whatever they say.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and an index for what a process that is gone has left."""
    op.add_column("sessions", sa.Column("owner", sa.Uuid))
    op.add_column("sessions", sa.Column("owner_epoch", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("ix_sessions_owner", "sessions", ["owner"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_sessions_owner", "sessions")
    with op.batch_alter_table("sessions") as table:
        table.drop_column("owner_epoch")
        table.drop_column("owner")
