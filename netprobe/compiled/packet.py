"""One packet of any link type to one row, and many to a block of rows, with those inside of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.compiled import row as c
from netprobe.compiled.carried import carried
from netprobe.compiled.icmp import icmp
from netprobe.compiled.jit import compiled
from netprobe.compiled.link import link
from netprobe.compiled.net import arp, ipv4, ipv6
from netprobe.compiled.transport import sctp, tcp, udp
from netprobe.compiled.tunnels import found
from netprobe.decode.ethertypes import ETH_ARP, ETH_IPV4, ETH_IPV6, ETHERNET, NOTHING
from netprobe.decode.icmp import ICMP, ICMPV6, SCTP, TCP, UDP
from netprobe.decode.link import ETHERNET_LINK
from netprobe.decode.tunnels import DEPTH_BIT, MOST_DEPTH

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netprobe.compiled.reads import Buffer, Row


@compiled
def packet(b: Buffer, at: int, caplen: int, origlen: int, linktype: int, r: Row) -> None:
    """Decode one packet into a row that holds the template. ``at + caplen`` is inside of the buffer: nothing is checked here."""
    ethertype, at, cap, wire = link(b, at, at + caplen, at + max(origlen, caplen), linktype, r)
    _network(b, ethertype, at, cap, wire, r)


@compiled
def inside(b: Buffer, r: Row, template: Row) -> bool:
    """Replace a row by that of the packet inside of its packet; where there is none, return False and leave the row as it is.

    The row then says where the frame inside is (``FRAME_AT``, ``FRAME_CAP``, ``FRAME_WIRE``: its kept bytes' and its own end), and its tunnel.
    """
    depth = 0 if r[c.TUNNEL] < 0 else (r[c.TUNNEL] >> DEPTH_BIT) + 1
    if depth == MOST_DEPTH:
        return False
    ethertype, at, cap, wire, number = found(b, r)
    if at >= cap or ethertype == NOTHING:
        return False
    for place in range(len(template)):
        r[place] = template[place]
    r[c.TUNNEL] = number | depth << DEPTH_BIT
    r[c.FRAME_AT], r[c.FRAME_CAP], r[c.FRAME_WIRE] = at, cap, wire
    if ethertype == ETHERNET:
        ethertype, at, cap, wire = link(b, at, cap, wire, ETHERNET_LINK, r)
    _network(b, ethertype, at, cap, wire, r)
    return True


@compiled
def _network(b: Buffer, ethertype: int, at: int, cap: int, wire: int, r: Row) -> None:
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
    elif proto == SCTP:
        sctp(b, at, cap, wire, r)
    elif proto >= 0:
        r[c.UPPER_AT], r[c.UPPER_CAP], r[c.UPPER_WIRE] = at, cap, wire


@compiled
def packets(
    b: Buffer,
    offset: NDArray[np.int64],
    caplen: NDArray[np.int64],
    origlen: NDArray[np.int64],
    linktype: NDArray[np.int32],
    template: Row,
    tunnels: int,
    out: NDArray[np.int64],
    owner: NDArray[np.int64],
) -> int:
    """Decode many packets, a row of ``out`` (rows, columns) each, with ``tunnels`` one for each packet inside of them, too.

    There must be room for all of them (``MOST_DEPTH`` more a packet), and for one row more. ``owner`` gets each row's packet. Returns how many rows there are.
    """
    count = 0
    for k in range(len(offset)):
        r = out[count]
        for place in range(len(template)):
            r[place] = template[place]
        packet(b, offset[k], caplen[k], origlen[k], linktype[k], r)
        owner[count] = k
        count += 1
        while tunnels:
            r = out[count]
            for place in range(len(template)):
                r[place] = out[count - 1, place]
            if not inside(b, r, template):
                break
            owner[count] = k
            count += 1
    return count
