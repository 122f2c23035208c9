"""A model that somebody else serves, behind an OpenAI-compatible completions API."""
