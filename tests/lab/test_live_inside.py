"""Nothing that is meant for the lab leaves by an interface of the machine: watched on a wire, with a namespace in the machine's place."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from netprobe_lab.steps import on_host
from tests.lab.serving import nginx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe_lab.layout import Lab

pytestmark = pytest.mark.xdist_group("live_inside")

OF_THE_LAB = ("192.168.3.", "203.0.113.", "172.17.")
NO_INVENTORY = {"NETPROBE_HOSTS": "", "XDG_CONFIG_HOME": "/proc/nowhere"}


class Machine:
    """A namespace in the machine's place, with a way to everywhere by its eth0, and a neighbour that notes what comes out of it."""

    def __init__(self, lab: Lab) -> None:
        self.name, self.neighbour = f"np-{lab.id}-test-m", f"np-{lab.id}-test-n"

    def lay(self) -> None:
        for argv in (
            f"netns add {self.name}",
            f"netns add {self.neighbour}",
            f"-n {self.name} link add eth0 type veth peer name wire netns {self.neighbour}",
            f"-n {self.name} address add 10.99.0.2/24 dev eth0",
            f"-n {self.neighbour} address add 10.99.0.1/24 dev wire",
            f"-n {self.name} link set lo up",
            f"-n {self.name} link set eth0 up",
            f"-n {self.neighbour} link set wire up",
            f"-n {self.name} route add default via 10.99.0.1",
        ):
            subprocess.run(["ip", *argv.split()], check=True)

    def remove(self) -> None:
        for name in (self.name, self.neighbour):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)

    def netprobe(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        argv = ["nsenter", f"--net=/run/netns/{self.name}", "--", sys.executable, "-m", "netprobe", *arguments]
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300,
            env={**os.environ, **environment},
        )  # fmt: skip

    @contextmanager
    def watched(self, into: list[str]) -> Iterator[None]:
        """Note every frame that arrives at the neighbour, but for IPv6's own chatter."""
        argv = [
            "nsenter",
            f"--net=/run/netns/{self.neighbour}",
            "--",
            "tcpdump",
            "-n",
            "-l",
            "-t",
            "-i",
            "wire",
            "not ip6",
        ]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sniffer:
            assert sniffer.stderr is not None
            assert any("listening on" in line for line in sniffer.stderr)
            try:
                yield
            finally:
                sniffer.send_signal(signal.SIGINT)  # it reads what the kernel has of it, then ends
                into.extend(line for line in sniffer.communicate(timeout=120)[0].splitlines() if line)


@pytest.fixture
def machine(lab: Lab) -> Iterator[Machine]:
    with ExitStack() as stack:
        stack.callback(Machine(lab).remove)
        Machine(lab).lay()
        yield Machine(lab)


@pytest.fixture
def demo(clean_lab: Lab) -> Lab:
    nginx(clean_lab, "-p", "80:80")
    on_host(clean_lab, "server1", ["docker", "run", "-d", "--name", "web", "busybox", "sleep", "1000"])
    return clean_lab


def test_the_wire_shows_what_leaves(demo: Lab, machine: Machine) -> None:
    """The other tests could not fail if this one did: an address of the lab, asked for without the lab, does leave."""
    seen: list[str] = []
    with machine.watched(seen):
        done = machine.netprobe("explain", "192.168.3.202:80", "--timeout", "1", "--json", **NO_INVENTORY)
    assert json.loads(done.stdout)["verdict"] != "works"
    assert any("192.168.3.202.80" in line for line in seen)


QUESTIONS = (
    ("demo:80",),
    ("demo:80", "--from", "local"),
    ("192.168.3.202:80",),
    ("demo:80", "--from", "server1"),
    ("demo:80", "--from", "server1", "--predict"),
    ("192.168.3.202:80", "--from", "web"),
    ("demo:80", "--from", "web"),
    ("203.0.113.10", "--from", "server2"),
    ("192.168.3.99:80", "--from", "server1", "--timeout", "1"),
    ("nobody.test:80", "--from", "server1"),
    ("www.outside.test", "--proto", "dns", "--from", "server1"),
)


def test_with_the_labs_hosts_nothing_leaves(demo: Lab, machine: Machine) -> None:
    seen: list[str] = []
    codes = {}
    with machine.watched(seen):
        for words in QUESTIONS:
            codes[words] = machine.netprobe("explain", *words, "--hosts", "lab").returncode
        hosts = machine.netprobe("hosts", NETPROBE_HOSTS="lab")
    assert seen == []
    assert [codes[words] for words in QUESTIONS[:4]] == [2, 2, 2, 0]
    assert codes[("203.0.113.10", "--from", "server2")] == 0
    assert hosts.returncode == 0


def test_a_running_lab_is_not_asked_unless_it_is_named(demo: Lab, machine: Machine) -> None:
    """The lab's containers are unknown then: of the probe nothing leaves, the lookup goes to the machine's own name server."""
    seen: list[str] = []
    with machine.watched(seen):
        target = machine.netprobe("explain", "demo:80", "--timeout", "1", **NO_INVENTORY)
        source = machine.netprobe("explain", "demo:80", "--from", "server1", **NO_INVENTORY)
        hosts = machine.netprobe("hosts", "--json", **NO_INVENTORY)
    assert target.returncode in (2, 4)
    assert source.returncode in (2, 4)
    assert [each["name"] for each in json.loads(hosts.stdout)["hosts"]] == ["local"]
    assert [line for line in seen if any(prefix in line for prefix in OF_THE_LAB)] == []
