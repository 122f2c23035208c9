"""The operators' pages and their API: the inbox, transcripts, verdicts, taking over, figures and accounts.

What is decided is kept in `storage.log.review`, what people are sent goes through `bot.conversation`.
"""
