"""The chat page: its API, the events that stream replies to it, and what monitoring asks of the process.

`app` composes the pieces into one ASGI application, `serving` puts it on a socket. What a person can do in a chat is in
`bot.conversation`, shared with the other channels; here is only how a browser reaches it. Everything the page shows is
read from the log, so any process may answer any request.
"""
