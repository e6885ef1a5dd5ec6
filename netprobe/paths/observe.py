"""What the packets show: did the request get there, who answered, and how. Packets alone decide; the prober is only a witness.

"Works" means, *tcp*: the handshake reached a socket in the target's own namespace (with docker-proxy: the inner
connection's too) and neither side's peer reset or closed it within 200 ms; *http*: a complete response; *https*: the TLS handshake, and
(by the prober, as all of it is encrypted) a complete response; *udp*: a reply, or the
datagram at the target and no ICMP error; *icmp*: the echo reply; *dns*: an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.decode.table import Kind
from netprobe.evidence.model import Proto
from netprobe.paths.connections import Connections
from netprobe.paths.datagrams import Datagrams
from netprobe.paths.questions import questions
from netprobe.paths.story import Observation, Symptom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint
    from netprobe.journeys.model import Journey
    from netprobe.paths.story import Intent


def observe(journey: Journey | None, table: PacketTable, points: Sequence[CapturePoint], intent: Intent) -> Observation:
    """The packets' story of one journey (None: nothing of it was seen)."""
    if journey is None:
        return Observation(symptom=Symptom.NO_PACKETS)
    if journey.outer.kind == Kind.TCP:
        return Connections(table, points, intent).tcp(journey)
    told = Datagrams(table, points, intent)
    if intent.proto is Proto.DNS:
        return told.dns(journey)
    asked = questions(journey.outer, table, journey.stray) if intent.plain else ()
    return told.lookup(journey, asked) if asked else told.datagram(journey)
