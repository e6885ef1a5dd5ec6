"""The DNS columns: what is read of a header, and what is left where a short capture kept none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, UDP

from netprobe.decode.decoder import decode
from tests.craft import evidence

ASKED = IP(src="172.17.0.2", dst="192.0.2.1") / UDP(sport=40000, dport=53) / DNS(id=7, qd=DNSQR(qname="a.test"))
TOLD = IP(src="192.0.2.1", dst="172.17.0.2") / UDP(sport=53, dport=40000) / DNS(id=7, qr=1, rcode=3)
EMBEDDED = IP(src="127.0.0.1", dst="127.0.0.11") / UDP(sport=40000, dport=41000) / DNS(id=8, qd=DNSQR(qname="a.test"))
MULTICAST = IP(src="10.0.0.1", dst="224.0.0.251") / UDP(sport=5353, dport=5353) / DNS(id=0, qd=DNSQR(qname="a.test"))
HEADERS = 14 + 20 + 8  # Ethernet, IP, UDP


@pytest.mark.parametrize(("kept", "ids"), [(HEADERS + 12, [7, 7, 8, 0]), (HEADERS + 11, [-1] * 4), (HEADERS, [-1] * 4)])
def test_a_header_that_was_not_kept_still_has_its_direction(kept: int, ids: list[int]) -> None:
    whole = evidence([("lo", 1, ASKED), ("lo", 2, TOLD), ("lo", 3, EMBEDDED), ("lo", 4, MULTICAST)])
    short = replace(whole.packets, caplen=np.minimum(whole.packets.caplen, kept))
    table = decode(short, whole.points)
    assert table.dns_id.tolist() == ids
    # Multicast DNS speaks from its port to its port: without the header nothing tells a query.
    assert table.dns_qr.tolist() == [0, 1, 0, 0 if kept >= HEADERS + 12 else -1]
