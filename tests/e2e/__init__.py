"""Whole paths, through the commands that a user types; few, and with as little stood in for as possible."""
