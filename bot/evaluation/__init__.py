"""The report of `govorun evaluate`: in the terminal, as a page that needs nothing but itself, and as JSON for programs.

What is compared and how is decided in `dialogue.learning`; here it is only shown.
"""
