"""Where things are kept: live state in Redis, the log in SQL, and how both are taken out again.

Redis and SQLAlchemy are imported only here. SQL is the truth, Redis is the speed: losing Redis loses nothing that was
said. What is said is decided in `dialogue`; how people reach the bot in `bot`.
"""
