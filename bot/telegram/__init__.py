"""The Telegram channel: updates come in, are stored, understood and handled; replies go out, paced and split.

What is said in a dialogue is decided elsewhere: `bot.conversation` has the use cases that all channels share, and
`bot.recording` hands the finished replies over. Nothing here knows SQL or Redis; the loops take what they need as
arguments. python-telegram-bot is used for its Bot and its types, its Updater is not: it confirms updates
before they are stored.
"""
