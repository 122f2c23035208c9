"""What operators need of the log: the inbox, transcripts with everything about them, figures, verdicts and accounts.

Taking over a dialogue is not here but in `storage.log.taking_over`: it changes what people are sent.
"""
