from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze
from netprobe.report.beside import with_names
from netprobe.report.document import Document, Entries, Entry, Paragraph, Row, Span, Style, Table, line
from netprobe.report.json import to_json
from netprobe.report.plain import to_plain
from netprobe.report.text import render

CAPTURES = Path(__file__).parents[2] / "captures"
NAMES = {"s2/br-1": "shop_front", "br-1": "shop_front", "s2/veth1": "web's veth", "veth1": "web's veth"}


def paragraph(text: str, *, names: dict[str, str] = NAMES, one_host: bool = False) -> str:
    document = Document(sections=((Paragraph(content=line(text)),),))
    return to_plain(with_names(document, names, one_host=one_host)).strip()


def test_the_parent_of_a_macvlan_is_nobodys_veth() -> None:
    """In the lab it is a veth, and the engine's container is known there by its link address."""
    report = analyze(read((CAPTURES / "macvlan-vlan.pcapng").read_bytes()))
    assert "veth" not in render(report)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seen at s2/br-1: frame 4", "seen at s2/br-1 (shop_front): frame 4"),
        ("one bridge (br-1): the same", "one bridge (br-1, shop_front): the same"),
        ("at s2/veth1, never at s2/br-1.", "at s2/veth1 (web's veth), never at s2/br-1 (shop_front)."),
        ("at s2/br-1.5 and br-1.x", "at s2/br-1.5 and br-1.x"),
        ("br-12, s3/br-1, xbr-1, s2/br-1/eth0", "br-12, s3/br-1, xbr-1, s2/br-1/eth0"),
        ("-A FORWARD -i br-1 -o br-1 -j DROP", "-A FORWARD -i br-1 -o br-1 -j DROP"),
        ("172.18.0.0/16 dev br-1 and no more", "172.18.0.0/16 dev br-1 and no more"),
        ('iifname "br-1" drop', 'iifname "br-1" drop'),
    ],
)
def test_names_stand_beside_interfaces(text: str, expected: str) -> None:
    assert paragraph(text) == expected
    assert paragraph(text, names={}) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seen at local/eth0, local/web/eth0", "seen at eth0, web/eth0"),
        ("(local/br-1)", "(br-1)"),
        ("/usr/local/bin, a-local/x, local, local/ and", "/usr/local/bin, a-local/x, local, local/ and"),
    ],
)
def test_local_goes_without_saying_where_it_is_the_only_host(text: str, expected: str) -> None:
    assert paragraph(text, names={}, one_host=True) == expected
    assert paragraph(text, names={}) == text


def test_what_is_copied_stays_as_it_is() -> None:
    entries = tuple(
        Entry(label=label, lines=(line("s2/br-1 local/eth0"), line(Span("ip link show br-1", Style.COMMAND))))
        for label in ("rule", "fix", "ARP", "where")
    )
    table = Table(head=("at", "packet"), rows=(Row(cells=((line("s2/br-1"),), (line("by br-1"),))),))
    text = to_plain(with_names(Document(sections=((Entries(entries=entries), table),)), NAMES, one_host=True))
    assert text.count("s2/br-1 local/eth0") == 2
    assert text.count("ip link show br-1\n") == 4
    assert "ARP    s2/br-1 eth0" in text
    assert "where  s2/br-1 (shop_front) eth0" in text
    assert "s2/br-1 (shop_front)  by br-1" in text


def test_a_report_has_the_names_and_its_json_has_the_points() -> None:
    report = analyze(read((CAPTURES / "compose-own-project.pcapng").read_bytes()))
    text = render(report)
    assert "(shop-worker-1's veth)" in text
    assert "(shop_default)" in text
    alone = replace(
        report, beside={}, hops=tuple(replace(hop, point=hop.point.replace("server2", "local")) for hop in report.hops)
    )
    assert "local/" not in render(alone)
    assert "shop-worker-1/eth0" in render(alone)
    assert to_json(report)["hops"][0]["point"] == "server2/shop-worker-1/eth0"
    assert "beside" not in to_json(report)
