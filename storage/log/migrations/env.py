"""What Alembic runs to apply or compare versions, on the connection that `storage.log.migrate` hands over."""

from __future__ import annotations

from alembic import context

from storage.log.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
