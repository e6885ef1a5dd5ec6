from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.report.deep import DeepFrame, chosen, dissect, lay_out
from netprobe.report.plain import to_plain
from tests.commands.walk import RESPONSE, evidence, report

ROOT = Path(__file__).parents[2]


def frame(raw: bytes, linktype: int = 1) -> DeepFrame:
    return DeepFrame(point="p", frame=1, linktype=linktype, time_ns=0, origlen=len(raw), raw=raw)


def test_what_is_shown_is_where_it_began_and_changed_and_its_payload_at_the_furthest_point() -> None:
    shown = chosen(evidence(), report())
    assert [(item.point, item.frame) for item in shown] == [
        ("server2/eth0", 1),
        ("server2/docker0", 2),
        ("server2/docker0", 8),
        ("server2/docker0", 9),
    ]
    assert RESPONSE in shown[-1].raw


def test_no_hops_nothing_to_show() -> None:
    assert chosen(evidence(), replace(report(), hops=())) == ()


def test_layers_by_scapy() -> None:
    layers = dissect(chosen(evidence(), report())[1])
    assert [layer.name for layer in layers] == ["Ethernet", "IP", "TCP"]
    fields = dict(layers[1].fields) | dict(layers[2].fields)
    assert (fields["dst"], fields["ttl"], fields["dport"], fields["flags"]) == ("172.17.0.2", "63", "80", "S")


@pytest.mark.parametrize(
    ("linktype", "first"), [(101, "IP"), (113, "cooked linux"), (276, "cooked linux v2"), (999, "Raw")]
)
def test_link_types(linktype: int, first: str) -> None:
    raw = chosen(evidence(), report())[0].raw[14:]
    heads = {113: b"\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x08\0", 276: b"\x08\0\0\0\0\0\0\2\0\1\0\6\2\0\0\0\0\1\0\0"}
    assert dissect(frame(heads.get(linktype, b"") + raw, linktype))[0].name == first


CARRIED = [
    (9, b"\xff\x03\0\x21", ["Raw", "IP", "TCP"]),
    (239, b"\x02\0\0\x05\x2c\0\x09\0", ["Raw", "IP", "TCP"]),
    (1, bytes(12) + b"\x88\x64\x11\0\0\x07\0\x2a\0\x21", ["Ethernet", "Raw", "IP", "TCP"]),
    (1, bytes(12) + b"\x88\x47\0\1\1\x40", ["Ethernet", "Raw", "IP", "TCP"]),
    (1, bytes(12) + b"\x81\0\0\x07\x08\0", ["Ethernet", "802.1Q", "IP", "TCP"]),
    (1, bytes(12) + b"\x88\x64\x11\0\0\x07\0\x2a\xc0\x21", ["Ethernet", "Raw"]),
]


def test_ip_is_shown_whatever_carries_it() -> None:
    """In a Python of its own: scapy's layers of PPP and MPLS, where anything loads them, tell more."""
    raw = chosen(evidence(), report())[0].raw[14:54]
    code = (
        "import sys, tests.report.test_deep as t\n"
        f"raw = {raw!r}\n"
        "print([[layer.name for layer in t.dissect(t.frame(head + raw, linktype))] for linktype, head, _ in t.CARRIED])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.strip() == str([names for _, _, names in CARRIED])


@given(st.binary(max_size=120), st.sampled_from([0, 1, 9, 12, 50, 101, 108, 113, 239, 276, 999]))
def test_any_bytes_are_shown(raw: bytes, linktype: int) -> None:
    text = to_plain(lay_out([frame(raw, linktype)], {}, ""))
    assert text.replace("\n", "").isprintable()


def test_notes_and_application_lines_are_printed_safely() -> None:
    item = chosen(evidence(), report())[0]
    text = to_plain(lay_out([item], {item: ["http:", "  \x1b[2J"]}, "no tshark"))
    assert "tshark    http:\n                \\x1b[2J\n" in text
    assert text.endswith("\n\nno tshark\n")
