"""The kinds of answer: how a person's words become a prompt, and how what the model writes becomes an answer.

Each kind is one object of the same shape, `Kind`; `kind_of` finds that of a seed. Drawing, trying again and the log are
in `dialogue.replying` and the same for all. Nothing here knows an engine.
"""
