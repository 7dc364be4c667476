"""Alembic's entry point; the connection comes from backend.store.migrate."""

from alembic import context
from sqlalchemy import text

from backend.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=False,
)
# Whoever waits for a table's lock holds up everybody behind him: a migration gives up soon and is tried again (f69).
_LOCK_TIMEOUT = text("SET LOCAL lock_timeout = '5s'")
_STATEMENT_TIMEOUT = text("SET LOCAL statement_timeout = '10min'")
with context.begin_transaction():
    connection.execute(_LOCK_TIMEOUT)
    connection.execute(_STATEMENT_TIMEOUT)
    context.run_migrations()
