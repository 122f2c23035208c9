"""The versions of the SQL tables, oldest first in `versions`; `storage.migrate` applies them."""
