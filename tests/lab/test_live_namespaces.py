"""Which namespaces a question looks into: those of its two ends, however many containers the host has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.stream.whole import read
from netprobe_lab.ask import here
from netprobe_lab.experiments.model import WaitPort
from netprobe_lab.steps import carry_out, clean, on_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from netprobe_lab.layout import Lab

SERVERS = ("one", "two", "three", "four", "five")


@pytest.fixture(scope="module")
def five(lab: Lab) -> Iterator[Lab]:
    """The lab with five web servers on one network of server2, each published, and one container that does not run."""
    clean(lab)
    on_host(lab, "server2", ["docker", "network", "create", "net1"])
    httpd = ["busybox", "httpd", "-f", "-p", "80"]
    for port, name in enumerate(SERVERS, 8001):
        published = ["--network", "net1", "-p", f"{port}:80"]
        on_host(lab, "server2", ["docker", "run", "-d", "--name", name, *published, *httpd])
    on_host(lab, "server2", ["docker", "create", "--name", "idle", "busybox"])
    for name in SERVERS:
        carry_out(lab, WaitPort(host="server2", container=name, port=80))
    yield lab
    clean(lab)


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        (["three:80", "--from", "server1"], {"three"}),
        (["three:80", "--from", "server1", "--predict"], {"three"}),
        (["two:80", "--from", "four@server2"], {"two", "four"}),
        (["192.168.3.202:8005", "--from", "one@server2"], {"one", "five"}),
        (["203.0.113.10:80", "--from", "one@server2"], {"one"}),
        (["server2:22", "--from", "server1"], set()),
    ],
)
def test_only_those_of_the_two_ends_are_entered(five: Lab, tmp_path: Path, words: list[str], ends: set[str]) -> None:
    file = tmp_path / "it.pcapng"
    here(["explain", *words, "--hosts", str(five.hosts_file), "--save", str(file)])
    evidence = read(file.read_bytes())
    states = (*evidence.before, *evidence.after)
    collected = {key.split("/")[1] for state in states for key in state.outputs if key.startswith("ns/")}
    sniffed = {point.container for point in evidence.points if point.container is not None}
    assert (collected, sniffed - ends) == (ends, set())
