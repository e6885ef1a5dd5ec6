"""``netprobe schema``: JSON Schemas of what ``--json`` prints."""

from __future__ import annotations

from netprobe.commands.outcome import put
from netprobe.errors import EXIT_WORKS, UsageFault, did_you_mean


def run(*, name: str | None) -> int:
    """Print one schema, or all by name, and return 0.

    Raises:
        UsageFault: there is none of that name.
    """
    from netprobe.report.json import dumps
    from netprobe.report.schema import NAMES, schema

    if name is not None and name not in NAMES:
        raise UsageFault(f"there is no schema {name!r}", did_you_mean(name, NAMES) or f"there are: {', '.join(NAMES)}")
    put(dumps({each: schema(each) for each in NAMES} if name is None else schema(name)) + "\n")
    return EXIT_WORKS
