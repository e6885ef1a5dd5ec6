"""Numbers as firewall rules write them: decimal, hexadecimal, with masks, in ranges. Untrusted text gives None, never an exception."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,8}|\d{1,10}", re.ASCII)
WHOLE = 0xFFFFFFFF


def number(text: str) -> int | None:
    """``8``, ``0x1f``; None for anything else."""
    if not _NUMBER.fullmatch(text):
        return None
    return int(text, 16) if text[:2] in {"0x", "0X"} else int(text)


def masked(text: str, whole: int = WHOLE) -> tuple[int, int] | None:
    """``0x1/0xff`` as value and mask; without a mask all bits count."""
    value, slash, mask = text.partition("/")
    numbers = number(value), number(mask) if slash else whole
    return None if numbers[0] is None or numbers[1] is None else (numbers[0], numbers[1])


def in_mask(text: str, value: int | None, whole: int = WHOLE) -> bool | None:
    """Whether a value has, of the bits of the mask, just those (xt_mark.c)."""
    wanted = masked(text, whole)
    return None if wanted is None or value is None else value & wanted[1] == wanted[0]


def in_range(text: str, value: int) -> bool | None:
    """Is it ``60``, ``40:100``, ``40:`` or ``:100``?"""
    low, colon, high = text.partition(":")
    first, last = number(low or "0"), number(high or str(WHOLE)) if colon else number(low)
    return None if first is None or last is None or not text else first <= value <= last
