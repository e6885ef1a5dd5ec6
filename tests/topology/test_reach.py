"""Who reaches whom, by prediction."""

from __future__ import annotations

from pathlib import Path

from netprobe.evidence.model import Place
from netprobe.evidence.stream.whole import read
from netprobe.state.build import build_world
from netprobe.topology.reach import Matrix, ReachCell, Reached, matrix
from tests.topology.large import large_host
from tests.worlds import NET2, container, host, world

CAPTURES = Path(__file__).parent.parent.parent / "captures"


def of(name: str) -> Matrix:
    return matrix(build_world(read((CAPTURES / f"{name}.pcapng").read_bytes())).before)


def cell(found: Matrix, source: str, target: str) -> ReachCell:
    return next(e for row in found.rows for e in row if (str(e.source), str(e.target)) == (source, target))


def test_another_host_reaches_a_container_by_its_published_port() -> None:
    found = of("demo")
    assert cell(found, "server2", "demo@server2").reach is Reached.DIRECT
    other = cell(found, "server1", "demo@server2")
    assert (other.reach, str(other.dialled)) == (Reached.PUBLISHED, "192.168.3.202:80/tcp")


def test_what_stops_it_is_named() -> None:
    stopped = cell(of("docker-user-drop"), "server1", "demo@server2")
    assert (stopped.reach, stopped.why) == (Reached.NO, "filter/DOCKER-USER #1 on server2")


def test_what_state_does_not_tell_is_unknown() -> None:
    found = cell(of("truth-http-loopback-normal"), "c1@server2", "demo@server2")
    assert (found.reach, found.why) == (Reached.UNKNOWN, "the routes of c1@server2 are not known")


def test_an_address_that_is_somebody_elses_there_is_not_reached() -> None:
    """Every host has 172.17.0.0/16: what has the address on the one is not what has it on the other."""
    one = host("one", "192.168.3.1", container("web", "172.17.0.2"))
    other = host("other", "192.168.3.2", container("db", "172.17.0.2"))
    found = cell(matrix(world(one, other)), "one", "db@other")
    assert found.reach is not Reached.DIRECT


def test_sharers_are_one_and_what_does_not_run_is_nobody() -> None:
    hosts = world(host("one", "192.168.3.1", container("web", "172.17.0.2"), container("side", netns_of="web")))
    assert matrix(hosts).targets == (Place(host="one", container="web"),)


def test_a_container_without_an_address_is_not_reached() -> None:
    lonely = container("lonely", network=NET2)
    found = cell(matrix(world(host("one", "192.168.3.1", lonely))), "one", "lonely@one")
    assert (found.reach, found.dialled, found.why) == (Reached.NO, None, "lonely@one has no address")


def test_a_large_host_is_bounded_and_says_so() -> None:
    found = matrix({"big": large_host(200)}, 3)
    assert (len(found.targets), len(found.sources), found.left_out) == (3, 4, 197)
    assert [len(each) for each in found.rows] == [3] * 4
    assert found.rows[1][0].reach is Reached.SELF
