"""What identifies people in what was said, and the placeholders that stand for it in training data.

Found by form and checksum (phones, cards, INN, SNILS, e-mail), by the words around it (contracts, addresses) and by who
speaks (names). No model is asked, so names that nobody introduces are not found: `docs/export.md` says what is left.
"""
