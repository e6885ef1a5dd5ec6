r"""Untrusted text made safe to show: nothing in it can move a cursor, change a colour, hide or reorder characters.

Names, rules and payloads come from captures and from containers. A terminal obeys C0 and C1 control characters
(ECMA-48), and a reader is deceived by bidirectional controls and invisible characters (Unicode TR36, UTS 39). All of
these are shown as ``\xNN``, ``\uNNNN`` or ``\UNNNNNNNN``; everything else stays as it is.
"""

from __future__ import annotations

import unicodedata

# Printable by category (letters, marks, symbols), and yet nothing is seen of them.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_VARIATION_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0), range(0x180B, 0x1810))


def visible(text: str) -> str:
    """Return ``text`` with every character that a terminal would obey, or that nobody would see, spelt out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if _harmless(character) else spelt(character) for character in text)


def width(text: str) -> int:
    """Return how many terminal cells ``text`` takes (UAX 11: wide and full-width characters take two, marks none)."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _harmless(character: str) -> bool:
    # isprintable() is False for controls, formats (bidi, zero-width), surrogates, private and unassigned code points,
    # and for every separator except the plain space.
    if not character.isprintable() or character in _UNSEEN:
        return False
    return not any(ord(character) in selectors for selectors in _VARIATION_SELECTORS)


def spelt(character: str) -> str:
    r"""Return one character by its number: ``\x1b``, ``\u202e``."""
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
