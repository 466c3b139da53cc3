"""What a tool call did to the world, as far as that is known, and the key under which it was asked for.

Both columns may be null, and an older release that writes to the tables leaves them so: a write without an
`outcome` counts as one that had begun.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns."""
    op.add_column("tool_calls", sa.Column("outcome", sa.String(16)))
    op.add_column("tool_calls", sa.Column("idempotency_key", sa.String))


def downgrade() -> None:
    """Drops them."""
    op.drop_column("tool_calls", "idempotency_key")
    op.drop_column("tool_calls", "outcome")
