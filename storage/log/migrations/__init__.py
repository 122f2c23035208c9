"""The versions of the SQL tables, oldest first in `versions`; `storage.log.migrate` applies them."""
