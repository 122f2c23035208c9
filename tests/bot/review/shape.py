"""The shape of a page: its elements and the names of their attributes, without any text."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

_ADDRESSES = ("href", "xlink:href", "src", "srcset", "srcdoc", "action", "formaction", "data", "to", "style", "content")
_SCHEMES = ("javascript:", "vbscript:", "data:")

# How often they occur depends on what a text has in common with another one; they have no attributes.
_MARKING = ("mark", "del", "ins")


class Shape(HTMLParser):
    """What a page is made of.

    Args:
        elements: how often an element with these attributes occurs.
        live: what a browser would run.
    """

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[tuple[str, ...]] = Counter()
        self.live: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count an element."""
        names = sorted(name for name, _ in attrs)
        if tag not in _MARKING or names:
            self.elements[tag, *names] += 1
        for name, value in attrs:
            # Browsers leave control characters and white space out of a scheme.
            plain = "".join(each for each in value or "" if each > " ").lower()
            if name.startswith("on") or (name in _ADDRESSES and plain.startswith(_SCHEMES)):
                self.live.append(f"<{tag} {name}={value!r}>")

    def handle_comment(self, data: str) -> None:
        """Count a comment: none is meant to be on a page."""
        self.elements["comment",] += 1

    def handle_decl(self, decl: str) -> None:
        """Count a declaration."""
        self.elements["!", decl.lower()] += 1

    def handle_pi(self, data: str) -> None:
        """Count a processing instruction."""
        self.elements["?",] += 1

    def unknown_decl(self, data: str) -> None:
        """Count whatever else begins like markup."""
        self.elements["![",] += 1
