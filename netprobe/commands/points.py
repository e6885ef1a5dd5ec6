"""``--point NAME=FILE``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.errors import UsageFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def named_points(options: Iterable[str], files: Sequence[str]) -> dict[str, str]:
    """Return path -> point name of all ``--point NAME=FILE``.

    Raises:
        UsageFault: one cannot be read, or names a file that is given already.
    """
    named: dict[str, str] = {}
    for option in options:
        name, sign, file = option.partition("=")
        if not (name and sign and file):
            raise UsageFault(
                f"--point: cannot read {option!r}", "it is NAME=FILE, such as server2/docker0=docker0.pcap"
            )
        if file in named or file in files:
            raise UsageFault(f"--point: {file} is given twice", "give each file once")
        named[file] = name
    return named
