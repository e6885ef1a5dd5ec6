"""Containers and who reaches whom, printed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from netprobe.evidence.stream.whole import read
from netprobe.report.json import dumps
from netprobe.report.plain import to_plain
from netprobe.report.topology.ps import lay_out, to_json
from netprobe.state.build import build_world
from netprobe.topology.build import build, of_evidence
from netprobe.topology.model import HostNode, NamespaceNode, Topology
from netprobe.topology.reach import Matrix, matrix
from tests.contract import assert_valid
from tests.topology.hostile import NAMES, hostile_world
from tests.topology.large import large_host

CAPTURES = Path(__file__).parent.parent.parent.parent / "captures"
CORPUS = Path(__file__).parent.parent.parent / "corpus"


def test_the_whole_to_the_letter() -> None:
    evidence = read((CAPTURES / "docker-user-drop.pcapng").read_bytes())
    said = to_plain(lay_out(of_evidence(evidence), matrix(build_world(evidence).before), whole=False))
    assert said == (
        """\
  container  host     state    network  address        published
  demo       server2  running  bridge   172.17.0.2/16  0.0.0.0:80->80/tcp
                                                       [::]:80->80/tcp

  network  host     driver  subnet         at       containers
  bridge   server1  bridge  172.17.0.0/16  docker0           0
  bridge   server2  bridge  172.17.0.0/16  docker0           1

who reaches whom  (predicted, nothing was sent)
  #  from \\ to     1
     server1       no
     server2       yes
  1  demo@server2  -
  yes: at its own address · port: only by a port that its host publishes · ? the hosts' state does not tell

no  server1 → demo@server2: filter/DOCKER-USER #1 on server2
"""
    )


def test_containers_that_nobody_told_of_are_not_known_and_not_none() -> None:
    without = Topology(hosts=(HostNode(name="local", own=NamespaceNode(owner=None)),))
    said = to_plain(lay_out(without, matrix({}), whole=False))
    why = "containers and networks of local: no engine answered there"
    assert said == f"no container is known\n\nnot known: {why}\n"
    assert to_json(without, matrix({}))["unknown"] == [why]
    empty = replace(without, hosts=(replace(without.hosts[0], containers=(), networks=()),))
    assert to_plain(lay_out(empty, matrix({}), whole=False)) == "no container\n"
    assert to_json(empty, matrix({}))["unknown"] == []


def test_a_capture_tells_of_no_container() -> None:
    evidence = read((CORPUS / "tcp.pcap").read_bytes())
    said = to_plain(lay_out(of_evidence(evidence), matrix({}), whole=False))
    assert said == "no container is known\n\nnot known: containers and networks: a capture does not tell\n"


@pytest.mark.parametrize("name", ["demo", "macvlan-vlan", "container-stopped", "netns-sharer-stopped"])
def test_the_json_is_as_its_schema_says(name: str) -> None:
    evidence = read((CAPTURES / f"{name}.pcapng").read_bytes())
    value = to_json(of_evidence(evidence), matrix(build_world(evidence).before))
    assert_valid("ps", json.loads(dumps(value)))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_kind_does_no_harm(name: str) -> None:
    hosts = hostile_world(name)
    topology, found = build(hosts), matrix(hosts)
    said = to_plain(lay_out(topology, found, whole=True))
    assert all(each.isprintable() for line in said.split("\n") for each in line)
    assert max(map(len, said.split("\n"))) < 700
    assert dumps(to_json(topology, found)).isascii()


def test_a_large_host_is_cut_and_says_so() -> None:
    topology = build({"big": large_host(200)})
    found = Matrix(targets=(), left_out=0)
    assert "+ 160 more containers (--all shows them)" in to_plain(lay_out(topology, found, whole=False))
    assert "c199" in to_plain(lay_out(topology, found, whole=True))


def test_no_container_is_said() -> None:
    assert to_plain(lay_out(build({}), Matrix(), whole=False)) == "no container\n"
