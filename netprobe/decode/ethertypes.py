"""What follows a link header: EtherTypes (if_ether.h), and this decoder's own numbers for what has none."""

from __future__ import annotations

ETH_IPV4 = 0x0800
ETH_ARP = 0x0806
ETH_IPV6 = 0x86DD
ETH_MPLS = (0x8847, 0x8848)
ETH_BRIDGED = 0x6558  # "transparent Ethernet bridging": a frame, in GRE and GENEVE
ETH_PPPOE = 0x8864  # a session's packets; discovery is 0x8863
TPIDS = (0x8100, 0x88A8, 0x9100)
LEAST_ETHERTYPE = 0x0600  # below it, the field is a length (IEEE 802.3)
MOST_LENGTH = 1500

NOTHING = -1  # stop here
LLC = -2  # an IEEE 802.2 header
PPP = -3  # PPP, with or without address and control
ETHERNET = -4  # an Ethernet frame: in tunnels
