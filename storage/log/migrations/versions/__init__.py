"""One file per version of the tables; each names the one before it."""
