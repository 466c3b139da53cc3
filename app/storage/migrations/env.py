"""Runs the migrations on the connection that `app.storage.migrate` hands over.

All of an upgrade is one transaction, on SQLite too: killed half-way, nothing of it has happened. For a new
migration: `alembic -x` is not needed; see docs/storage.md.
"""

from alembic import context

from app.storage.models import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    # SQLite cannot alter a column in place; Alembic then copies the table.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
