"""What a tool call did to the world, and whose a message is.

The first as far as that is known, with the key under which it was asked for; the second where the message's
role does not tell.

The columns may be null, and an older release that writes to the tables leaves them so: a write without an
`outcome` counts as one that had begun.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("tool_calls", sa.Column("outcome", sa.String(16)))
    op.add_column("tool_calls", sa.Column("idempotency_key", sa.String))
    op.add_column("messages", sa.Column("source", sa.String(16)))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("messages", "source")
    op.drop_column("tool_calls", "idempotency_key")
    op.drop_column("tool_calls", "outcome")
