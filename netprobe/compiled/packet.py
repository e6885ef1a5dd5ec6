"""One packet of any link type to one row, and many to a block of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.compiled.carried import carried
from netprobe.compiled.icmp import icmp
from netprobe.compiled.jit import compiled
from netprobe.compiled.link import link
from netprobe.compiled.net import arp, ipv4, ipv6
from netprobe.compiled.transport import tcp, udp
from netprobe.decode.ethertypes import ETH_ARP, ETH_IPV4, ETH_IPV6, NOTHING
from netprobe.decode.icmp import ICMP, ICMPV6, TCP, UDP

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netprobe.compiled.reads import Buffer, Row


@compiled
def packet(b: Buffer, at: int, caplen: int, origlen: int, linktype: int, r: Row) -> None:
    """Decode one packet into a row that holds the template. ``at + caplen`` is inside of the buffer: nothing is checked here."""
    ethertype, at, cap, wire = link(b, at, at + caplen, at + max(origlen, caplen), linktype, r)
    if ethertype not in (ETH_IPV4, ETH_IPV6, NOTHING):
        ethertype, at, cap, wire = carried(b, ethertype, at, cap, wire, r)
    if ethertype == ETH_IPV4:
        version, proto, at, cap, wire = 4, *ipv4(b, at, cap, wire, r)
    elif ethertype == ETH_IPV6:
        version, proto, at, cap, wire = 6, *ipv6(b, at, cap, wire, r)
    else:
        if ethertype == ETH_ARP:
            arp(b, at, cap, r)
        return
    if proto == TCP:
        tcp(b, at, cap, wire, r)
    elif proto == UDP:
        udp(b, at, cap, wire, r)
    elif (proto == ICMP and version == 4) or (proto == ICMPV6 and version == 6):
        icmp(b, at, cap, wire, version, r)


@compiled
def packets(
    b: Buffer,
    offset: NDArray[np.int64],
    caplen: NDArray[np.int64],
    origlen: NDArray[np.int64],
    linktype: NDArray[np.int32],
    template: Row,
    out: NDArray[np.int64],
) -> None:
    """Decode many packets, a row of ``out`` (n, columns) each."""
    for k in range(len(offset)):
        r = out[k]
        for place in range(len(template)):
            r[place] = template[place]
        packet(b, offset[k], caplen[k], origlen[k], linktype[k], r)
