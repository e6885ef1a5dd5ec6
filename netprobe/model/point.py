"""The name of a capture point: where it is, its one text form, and the one way to read it."""

from __future__ import annotations

from typing import NamedTuple, Self


class PointName(NamedTuple):
    """One interface of one namespace.

    Attributes:
        host: inventory name; ``""`` for a file from elsewhere.
        container: None for the host's own namespace.
        interface: its name; for a file from elsewhere the whole name of the point.
    """

    host: str
    container: str | None
    interface: str

    def __str__(self) -> str:
        """``server2/docker0``, ``server2/demo/eth0``, ``eth0``. Neither container nor interface names hold a slash."""
        return "/".join(filter(None, self))

    @classmethod
    def parse(cls, name: str) -> Self:
        """Read what ``str`` writes; any other text is an interface of an unknown host."""
        match name.split("/"):
            case [host, interface] if host and interface:
                return cls(host, None, interface)
            case [host, container, interface] if host and container and interface:
                return cls(host, container, interface)
            case _:
                return cls("", None, name)


def point_name(host: str, interface: str, container: str | None = None) -> str:
    """The text of one, as hops and capture points have it."""
    return str(PointName(host, container, interface))
