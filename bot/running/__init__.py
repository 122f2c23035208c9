"""Processes: starting several as one, watching them, stopping them in order, and what they tell each other of it.

What each process does is put together in `bot.wiring`.
"""
