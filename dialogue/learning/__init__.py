"""Learning from conversations: fine-tuning a model on exported ones, and finding out whether that has made it better.

torch is allowed here, as in `dialogue.engine`. Where examples are kept, and what is put to work, is decided elsewhere:
an export is a file.
"""
