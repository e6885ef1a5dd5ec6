"""Mermaid: ids of our own, and labels in which nothing means anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netprobe.evidence.stream.whole import read
from netprobe.report.topology.mermaid import label, mermaid
from netprobe.topology.build import build, of_evidence
from tests.topology.hostile import NAMES, hostile_world
from tests.topology.large import large_host

CAPTURES = Path(__file__).parent.parent.parent.parent / "captures"
LABEL = r'"[\w .:/\-+,→#;<>br]*"'
LINE = re.compile(
    rf"flowchart TB|subgraph h\d+(s\d+)?\[{LABEL}\]|end|n\d+(\[{LABEL}\]|\(\[{LABEL}\]\)|\[\[{LABEL}\]\])"
    rf"|n\d+ ---(\|{LABEL}\|)? (n|w)\d+|w\d+\(\[{LABEL}\]\)"
)


def test_hosts_are_subgraphs_and_wires_join_them() -> None:
    chart = mermaid(of_evidence(read((CAPTURES / "docker-user-drop.pcapng").read_bytes()))).splitlines()
    assert chart[:2] == ["flowchart TB", '  subgraph h0["server1<br>engine 20.10.24+dfsg1"]']
    assert '    n5(["docker0<br>172.17.0.1/16<br>bridge"])' in chart
    assert '    n6 ---|"vetha3312be"| n5' in chart
    assert '    n7[["docker-proxy :80 → 172.17.0.2:80"]]' in chart
    assert chart[-3:] == ['  w0(["192.168.3.0/24"])', "  n0 --- w0", "  n3 --- w0"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_kind_is_a_label_and_nothing_else(name: str) -> None:
    for line in mermaid(build(hostile_world(name))).splitlines():
        assert LINE.fullmatch(line.strip()), line


def test_what_has_a_meaning_is_an_entity() -> None:
    assert label('a"]; `b` <c>') == '"a#34;#93;#59; #96;b#96; #60;c#62;"'


def test_a_large_host_is_cut() -> None:
    topology = build({"big": large_host(200)})
    assert "+ 188 more containers" in mermaid(topology)
    assert "c199" in mermaid(topology, whole=True)
