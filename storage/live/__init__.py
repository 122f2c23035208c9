"""Live state in Redis or Valkey: inboxes, jobs, histories, replies on their way, drafts, and who is alive.

All of it can be lost: what was said is in `storage.log`, from which it is made again.
"""
