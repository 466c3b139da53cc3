"""Users, sessions, messages, tool calls.

A migration says what the tables were at its time, so it does not use those of `models.py`, which move on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "users",
        sa.Column("user_id", sa.String, nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_users"),
    )
    _create_sessions()
    _create_messages()
    _create_tool_calls()
    op.create_table(
        "erased_sessions",
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("erased_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_erased_sessions"),
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String, nullable=False),
        sa.Column("protocol", sa.String(16), nullable=False),
        sa.Column("locale", sa.String(16), nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("previous_token_hash", sa.LargeBinary, nullable=False),
        sa.Column("summary", sa.Text),
        sa.Column("summary_upto", sa.Integer),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_activity", _TIME, nullable=False),
        sa.Column("detached_at", _TIME),
        sa.Column("ended_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_created_at", "sessions", ["created_at", "id"])
    op.create_index("ix_sessions_user_id", "sessions", ["user_id", "created_at"])
    op.create_index("ix_sessions_ended_at", "sessions", ["ended_at"])


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("turn_id", sa.String, nullable=False),
        sa.Column("client_id", sa.String),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("content", sa.Text),
        sa.Column("tool_calls", sa.Text),
        sa.Column("tool_call_id", sa.String),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("folded", sa.Text),
        sa.PrimaryKeyConstraint("session_id", "position", name="pk_messages"),
        sa.UniqueConstraint("session_id", "client_id", name="uq_messages_client_id"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_messages_session_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_messages_turn_id", "messages", ["session_id", "turn_id"])


def _create_tool_calls() -> None:
    op.create_table(
        "tool_calls",
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("call_id", sa.String, nullable=False),
        sa.Column("turn_id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("effect", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String),
        sa.Column("result", sa.Text),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("told_at", _TIME),
        sa.PrimaryKeyConstraint("session_id", "call_id", name="pk_tool_calls"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_tool_calls_session_id", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    """Drop them, with all that they hold."""
    for table in ("erased_sessions", "tool_calls", "messages", "sessions", "users"):
        op.drop_table(table)
