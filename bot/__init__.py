"""How people reach the bot: Telegram, the web page and the terminal, and the front door that puts everything together.

Telegram and the web framework are imported only here. What is said is decided in `dialogue`, where it is kept in
`storage`; `wiring` is the only place that picks implementations.
"""
