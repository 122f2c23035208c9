"""Many texts at once on one model: who has which row of the cache, who is read and written, how tokens are drawn.

Nothing here knows where a model comes from, nor of threads and event loops.
"""
