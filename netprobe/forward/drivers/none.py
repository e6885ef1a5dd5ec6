"""none: a namespace with nothing but lo."""

from __future__ import annotations

from netprobe.forward.drivers.base import Driver


class Null(Driver):
    """The network ``none`` (the engine calls its driver ``null``)."""

    name = "null"
    alone = True
    publishes = False
