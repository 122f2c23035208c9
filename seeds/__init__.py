"""The seeds that come with the project: data only, one TOML file each, read by `dialogue.seeds`.

Operators edit them without touching code; the format is in `docs/seeds.md`.
"""
