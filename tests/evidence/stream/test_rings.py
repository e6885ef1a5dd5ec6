"""Which files are one capture, by their names."""

from __future__ import annotations

import pytest

from netprobe.evidence.stream.rings import Ring, rings


@pytest.mark.parametrize(
    ("paths", "stem"),
    [
        (("d/eth0_00001_20261130120000.pcapng", "d/eth0_00002_20261130120500.pcapng"), "eth0"),
        (("eth0_20261130120000_00001.pcapng.gz", "eth0_20261130120500_00002.pcapng"), "eth0"),
        (("raw_00001_20261130120000", "raw_00002_20261130120500"), "raw"),
        (("x.pcap0", "x.pcap1", "x.pcap10"), "x"),
        (("x.pcap", "x.pcap1", "x.pcap2"), "x"),
        (("a/x.pcap.gz", "a/x.pcap1.gz"), "x"),
        (("srv-20261130-115100.pcap", "srv-20261130-115200.pcap"), "srv"),
        (("srv-2026-11-30_11:51:00.pcap", "srv-2026-11-30_11:52:00.pcap"), "srv"),
        (("srv.1796041140.pcap", "srv.1796041200.pcap"), "srv"),
        (("20261130.pcap", "20261201.pcap"), ""),
        (("srv-20261130.pcap1", "srv-20261130.pcap", "srv-20261201.pcap"), "srv"),
    ],
)
def test_one_capture(paths: tuple[str, ...], stem: str) -> None:
    assert rings(paths, {}) == [Ring(paths=paths, stem=stem)]


@pytest.mark.parametrize(
    "paths",
    [
        ("eth0.pcap", "eth1.pcap"),
        ("host1", "host2"),
        ("srv.eth0", "srv.eth1"),
        ("a/eth0.pcap", "b/eth0.pcap"),
        ("a/x.pcap0", "b/x.pcap1"),
        ("x.pcap", "x.pcap.gz"),
        ("x.pcap", "y.pcap1"),
        ("srv1-20261130.pcap", "srv2-20261130.pcap"),
        ("10.0.0.1.pcap", "10.0.0.2.pcap"),
        ("port8080.pcap", "port8081.pcap"),
        ("-", "x.pcap1"),
    ],
)
def test_two_captures(paths: tuple[str, ...]) -> None:
    assert [ring.paths for ring in rings(paths, {})] == [(path,) for path in paths]
    assert {ring.stem for ring in rings(paths, {})} == {""}


def test_a_name_that_the_user_gives_is_that_of_the_ring() -> None:
    paths = ("x.pcap0", "other.pcap", "x.pcap1")
    (ring, other) = rings(paths, {"x.pcap1": "srv/eth0"})
    assert (ring.paths, ring.explicit) == (("x.pcap0", "x.pcap1"), "srv/eth0")
    assert (other.paths, other.explicit) == (("other.pcap",), None)


def test_files_of_one_given_name_are_one_capture() -> None:
    (ring,) = rings(("a.pcap", "b.pcap"), {"a.pcap": "srv/eth0", "b.pcap": "srv/eth0"})
    assert (ring.paths, ring.explicit) == (("a.pcap", "b.pcap"), "srv/eth0")


def test_a_ring_that_was_given_two_names_is_two_captures() -> None:
    found = rings(("x.pcap0", "x.pcap1"), {"x.pcap0": "a/eth0", "x.pcap1": "b/eth0"})
    assert [(ring.paths, ring.explicit) for ring in found] == [(("x.pcap0",), "a/eth0"), (("x.pcap1",), "b/eth0")]
