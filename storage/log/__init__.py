"""The log in SQL: everything that was said and how it came about, and what is still to be answered and sent.

It is the truth. What is only worth knowing for a moment is in `storage.live`.
"""
