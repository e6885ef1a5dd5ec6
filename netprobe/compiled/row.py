"""A decoded packet as one row of int64 numbers: which place holds which column of :class:`~netprobe.decode.table.PacketTable`.

Halves of addresses are uint64 there and the same 64 bits here.
"""

from __future__ import annotations

from netprobe.decode.decoder import COLUMNS

NAMES = tuple(name for _, _, names in COLUMNS for name in names)
"""The columns in the order of a row."""

_OWN = ("upper_at", "upper_cap", "upper_wire", "frame_at", "frame_cap", "frame_wire")
"""What a row has beside them: where the upper layer of a packet that may be a tunnel's begins, its kept bytes end, it ends on the wire; and the
same of a frame inside of another packet."""

TEMPLATE = (*(absent for _, absent, names in COLUMNS for _ in names), *(-1 for _ in _OWN))
"""A row of which nothing was decoded."""

_PLACE = {name: place for place, name in enumerate((*NAMES, *_OWN))}

KIND = _PLACE["kind"]
ANOMALY = _PLACE["anomaly"]
ETH_SRC = _PLACE["eth_src"]
ETH_DST = _PLACE["eth_dst"]
ETHERTYPE = _PLACE["ethertype"]
VLAN = _PLACE["vlan"]
VLAN_INNER = _PLACE["vlan_inner"]
IP_VERSION = _PLACE["ip_version"]
SRC_HI = _PLACE["src_hi"]
SRC_LO = _PLACE["src_lo"]
DST_HI = _PLACE["dst_hi"]
DST_LO = _PLACE["dst_lo"]
IP_PROTO = _PLACE["ip_proto"]
TTL = _PLACE["ttl"]
IP_ID = _PLACE["ip_id"]
FRAG_OFF = _PLACE["frag_off"]
MORE_FRAG = _PLACE["more_frag"]
DONT_FRAG = _PLACE["dont_frag"]
IP_LEN = _PLACE["ip_len"]
SPORT = _PLACE["sport"]
DPORT = _PLACE["dport"]
TCP_FLAGS = _PLACE["tcp_flags"]
SEQ = _PLACE["seq"]
ACK = _PLACE["ack"]
WINDOW = _PLACE["window"]
TSVAL = _PLACE["tsval"]
TSECR = _PLACE["tsecr"]
MSS = _PLACE["mss"]
PAYLOAD_OFF = _PLACE["payload_off"]
PAYLOAD_CAP = _PLACE["payload_cap"]
PAYLOAD_LEN = _PLACE["payload_len"]
ICMP_TYPE = _PLACE["icmp_type"]
ICMP_CODE = _PLACE["icmp_code"]
INNER_PROTO = _PLACE["inner_proto"]
INNER_SRC_HI = _PLACE["inner_src_hi"]
INNER_SRC_LO = _PLACE["inner_src_lo"]
INNER_DST_HI = _PLACE["inner_dst_hi"]
INNER_DST_LO = _PLACE["inner_dst_lo"]
INNER_SPORT = _PLACE["inner_sport"]
INNER_DPORT = _PLACE["inner_dport"]
INNER_SEQ = _PLACE["inner_seq"]
ARP_OP = _PLACE["arp_op"]
ARP_SHA = _PLACE["arp_sha"]
ARP_THA = _PLACE["arp_tha"]
ND_FLAGS = _PLACE["nd_flags"]
ND_TARGET_HI = _PLACE["nd_target_hi"]
ND_TARGET_LO = _PLACE["nd_target_lo"]
ND_LLA = _PLACE["nd_lla"]
DNS_ID = _PLACE["dns_id"]
DNS_QR = _PLACE["dns_qr"]
DNS_RCODE = _PLACE["dns_rcode"]
DNS_ANSWERS = _PLACE["dns_answers"]
TUNNEL = _PLACE["tunnel"]
UPPER_AT = _PLACE["upper_at"]
UPPER_CAP = _PLACE["upper_cap"]
UPPER_WIRE = _PLACE["upper_wire"]
FRAME_AT = _PLACE["frame_at"]
FRAME_CAP = _PLACE["frame_cap"]
FRAME_WIRE = _PLACE["frame_wire"]
