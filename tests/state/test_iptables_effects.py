from __future__ import annotations

import pytest

from netprobe.state.iptables_effects import changed
from netprobe.state.packet import PacketTuple

PACKET = PacketTuple(mark=0x35, ctmark=0xF0, tracked=True, ttl=64, tos=0x03, mss=1460, ctstate="NEW")
UNTRACKED = PacketTuple(tracked=False, ctstate="INVALID", ctmark=0, mark=1, zone=0)


@pytest.mark.parametrize(
    ("target", "options", "field", "value"),
    [
        ("MARK", {"--set-xmark": "0x1/0xf"}, "mark", 0x31),
        ("MARK", {"--set-xmark": "0x1/0x0"}, "mark", 0x34),
        ("MARK", {"--set-mark": "0x7/0x1"}, "mark", 0x37),
        ("MARK", {"--and-mark": "0xf"}, "mark", 0x5),
        ("MARK", {"--or-mark": "0x8"}, "mark", 0x3D),
        ("MARK", {"--xor-mark": "0x5"}, "mark", 0x30),
        ("MARK", {"--set-xmark": "?"}, "mark", None),
        ("CONNMARK", {"--set-xmark": "0x5/0xffffffff"}, "ctmark", 5),
        ("CONNMARK", {"--save-mark": "", "--nfmask": "0xf", "--ctmask": "0xff"}, "ctmark", 0x5),
        ("CONNMARK", {"--restore-mark": "", "--nfmask": "0xff", "--ctmask": "0xf0"}, "mark", 0xF0),
        ("TTL", {"--ttl-set": "9"}, "ttl", 9),
        ("TTL", {"--ttl-dec": "70"}, "ttl", 0),
        ("HL", {"--hl-inc": "1"}, "ttl", 65),
        ("DSCP", {"--set-dscp": "0x2e"}, "tos", 0xBB),
        ("TOS", {"--set-tos": "0x10/0x3f"}, "tos", 0x10),
        ("TCPMSS", {"--set-mss": "1200"}, "mss", 1200),
        ("TCPMSS", {"--set-mss": "9000"}, "mss", 1460),
        ("TCPMSS", {"--clamp-mss-to-pmtu": ""}, "mss", None),
    ],
)
def test_what_is_changed(target: str, options: dict[str, str], field: str, value: int | None) -> None:
    assert getattr(changed(target, options, PACKET), field) == value


def test_what_is_not_tracked_has_no_connection_mark() -> None:
    assert changed("CONNMARK", {"--set-xmark": "0x5/0xffffffff"}, UNTRACKED) == UNTRACKED


def test_the_first_rule_that_tells_conntrack_counts() -> None:
    untracked = changed("CT", {"--notrack": ""}, UNTRACKED)
    assert untracked.ctstate == "UNTRACKED"
    assert changed("CT", {"--zone": "5"}, untracked).zone == 0
    assert changed("NOTRACK", {}, changed("CT", {"--zone": "5"}, UNTRACKED)).ctstate == "NEW"
    assert changed("NOTRACK", {}, PACKET) == PACKET
