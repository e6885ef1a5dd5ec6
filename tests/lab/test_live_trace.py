"""``--trace`` against real kernels: the walk is there, and of the table nothing is left, however netprobe ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.model import LimitKind, Proto
from netprobe.evidence.stream.whole import read
from netprobe.live import Question, explain
from netprobe.pipeline import analyze
from netprobe_lab.steps import clean, on_host
from tests.lab.serving import nginx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.model.report import Report
    from netprobe.model.trace import KernelDrop, TraceWalk
    from netprobe_lab.layout import Lab

PATIENCE_S = 120.0
NEEDS_BPFTRACE = pytest.mark.skipif(shutil.which("bpftrace") is None, reason="bpftrace is not installed")


@pytest.fixture(scope="module")
def demo_lab(lab: Lab) -> Iterator[Lab]:
    clean(lab)
    nginx(lab, "-p", "8080:80")
    nginx(lab, "-p", "8081:81", name="deaf")
    on_host(lab, "server2", ["docker", "run", "-d", "--name", "c1", "busybox", "sleep", "9999"])
    yield lab
    clean(lab)


def ask(lab: Lab, target: str, source: str, proto: Proto | None = None, timeout_s: float = 3.0) -> Report:
    question = Question(target=target, source=source, proto=proto, timeout_s=timeout_s, trace=True)
    report = analyze(read(explain(question, hosts_file=lab.hosts_file, progress=lambda _: None)))
    assert [tables(lab, host) for host in ("server1", "server2")] == [[], []]
    assert [bpftraces(lab, host) for host in ("server1", "server2")] == [[], []]
    return report


def tables(lab: Lab, host: str) -> list[str]:
    listed = on_host(lab, host, ["nft", "list", "tables"]).stdout.splitlines()
    return [line for line in listed if "netprobe" in line]


def bpftraces(lab: Lab, host: str) -> list[str]:
    """The ids of a host's own processes that are bpftrace, or about to be."""
    inode, found = lab.netns_path(host).stat().st_ino, []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "ns/net").stat().st_ino == inode:
                found += [entry.name] if b"tracepoint:skb:kfree_skb" in (entry / "cmdline").read_bytes() else []
        except OSError:
            continue
    return found


def drops(report: Report) -> list[KernelDrop]:
    assert report.drops is not None, report.unknowns
    return list(report.drops)


def kernel_says(report: Report) -> list[str]:
    """The cause's evidence that is the kernel's."""
    assert report.cause is not None
    return [each for each in report.cause.evidence if "the kernel's own drop reason" in each]


def walk(report: Report, host: str, direction: str = "request", leg: int = 1) -> TraceWalk:
    assert report.trace is not None
    return next(each for each in report.trace if (each.host, each.direction, each.leg) == (host, direction, leg))


def labels(found: TraceWalk) -> list[str]:
    return [f"{step.rule} {step.verdict}" for step in found.steps]


def test_dnat(demo_lab: Lab) -> None:
    report = ask(demo_lab, "demo:80", "server1")
    there = labels(walk(report, "server2"))
    assert there[0] == "nat/PREROUTING #1 jump DOCKER"
    assert any(each.startswith("nat/DOCKER #") for each in there)
    assert labels(walk(report, "server2", "reply"))[-1].startswith("filter/FORWARD #")
    assert walk(report, "server1").frame > 0


def test_docker_proxy(demo_lab: Lab) -> None:
    counting = ["INPUT", "-p", "tcp", "--sport", "80"]  # iptables-nft makes a base chain with its first rule
    on_host(demo_lab, "server2", ["iptables", "-A", *counting])
    report = ask(demo_lab, "127.0.0.1:8080", "server2", Proto.HTTP)
    on_host(demo_lab, "server2", ["iptables", "-D", *counting])
    assert "nat/OUTPUT policy accept" in labels(walk(report, "server2"))
    assert walk(report, "server2", leg=2).dst.port == 80
    assert labels(walk(report, "server2", "reply", leg=2)) == ["filter/INPUT #1 continue", "filter/INPUT policy accept"]


def test_masquerade(demo_lab: Lab) -> None:
    report = ask(demo_lab, "192.168.3.201", "c1@server2")
    assert labels(walk(report, "server2"))[-1] == "nat/POSTROUTING #1 accept"


def test_the_rule_that_dropped(demo_lab: Lab) -> None:
    rule = ["DOCKER-USER", "-s", "192.168.3.0/24", "-j", "DROP"]
    on_host(demo_lab, "server2", ["iptables", "-I", *rule])
    try:
        report = ask(demo_lab, "demo:80", "server1", timeout_s=1.5)
    finally:
        on_host(demo_lab, "server2", ["iptables", "-D", *rule])
    dropped = walk(report, "server2").dropped_by
    assert dropped is not None
    assert str(dropped.rule) == "filter/DOCKER-USER #1"
    assert report.cause is not None
    assert (report.cause.code, report.cause.confidence.value) == ("docker-user-drop", "certain")


@NEEDS_BPFTRACE
def test_a_filter_by_the_kernels_own_reason(demo_lab: Lab) -> None:
    """Both hosts' kernels are one here: each tells of its own namespaces."""
    rule = ["DOCKER-USER", "-s", "192.168.3.0/24", "-j", "DROP"]
    on_host(demo_lab, "server2", ["iptables", "-I", *rule])
    try:
        report = ask(demo_lab, "demo:80", "server1", timeout_s=1.5)
    finally:
        on_host(demo_lab, "server2", ["iptables", "-D", *rule])
    (drop,) = drops(report)
    assert (drop.host, drop.container, drop.reason, drop.info) == ("server2", None, "NETFILTER_DROP", "SYN")
    assert (str(drop.dst), drop.count > 1) == ("172.17.0.2:80", True)
    assert len(kernel_says(report)) == 1


@NEEDS_BPFTRACE
def test_the_reverse_path_filter_by_the_kernels_own_reason(demo_lab: Lab) -> None:
    key, route = "net.ipv4.conf.eth0.rp_filter", ["route", "add", "192.168.3.201/32", "dev", "eth1"]
    was = on_host(demo_lab, "server2", ["sysctl", "-n", key]).stdout.strip()
    on_host(demo_lab, "server2", ["ip", *route])
    on_host(demo_lab, "server2", ["sysctl", "-q", "-w", f"{key}=1"])
    try:
        report = ask(demo_lab, "demo:80", "server1", timeout_s=1.5)
    finally:
        on_host(demo_lab, "server2", ["sysctl", "-q", "-w", f"{key}={was}"])
        on_host(demo_lab, "server2", ["ip", *[word.replace("add", "del") for word in route]])
    assert {(drop.host, drop.reason, drop.interface) for drop in drops(report)} == {("server2", "IP_RPFILTER", "eth0")}
    assert report.cause is not None
    assert (report.cause.code, len(kernel_says(report))) == ("rp-filter-multihomed", 1)


@NEEDS_BPFTRACE
def test_no_socket_in_a_container_and_behind_docker_proxy(demo_lab: Lab) -> None:
    report = ask(demo_lab, "deaf:81", "server2")
    (drop,) = drops(report)
    assert (drop.place, drop.reason, drop.leg, drop.at) == ("deaf@server2", "NO_SOCKET", 1, "tcp_v4_rcv")
    assert len(kernel_says(report)) == 1
    (inner,) = drops(ask(demo_lab, "127.0.0.1:8081", "server2"))
    assert (inner.place, inner.reason, inner.leg, inner.info) == ("deaf@server2", "NO_SOCKET", 2, "SYN")


@NEEDS_BPFTRACE
@pytest.mark.parametrize("proto", [Proto.TCP, Proto.HTTP, Proto.ICMP])
def test_where_it_works_the_kernel_lost_nothing(demo_lab: Lab, proto: Proto) -> None:
    target, source = ("192.168.3.201", "c1@server2") if proto is Proto.ICMP else ("demo:80", "server1")
    report = ask(demo_lab, target, source, proto)
    assert (report.verdict.value, drops(report), report.unknowns) == ("works", [], ())


def test_a_host_without_a_way_to_trace_is_said_and_nothing_else_is_lost(demo_lab: Lab) -> None:
    question = Question(target="www.outside.test", source="c1@server2", proto=Proto.DNS, timeout_s=3.0, trace=True)
    evidence = read(explain(question, hosts_file=demo_lab.hosts_file, progress=lambda _: None))
    assert any(limit.kind is LimitKind.STATE and limit.subject == "server2: trace" for limit in evidence.limits)
    assert analyze(evidence).trace is None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_the_table_is_gone_with_netprobe(demo_lab: Lab, number: int) -> None:
    rule = ["DOCKER-USER", "-p", "tcp", "-m", "tcp", "--dport", "80", "-j", "DROP"]
    on_host(demo_lab, "server2", ["iptables", "-I", *rule])
    argv = [sys.executable, "-m", "netprobe", "explain", "demo:80", "--from", "server1", "--trace", "--timeout", "30"]
    with_bpftrace = shutil.which("bpftrace") is not None
    try:
        asking = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
        assert waited_for(lambda: bool(tables(demo_lab, "server1") and tables(demo_lab, "server2")), 240.0)
        assert all(bool(bpftraces(demo_lab, host)) is with_bpftrace for host in ("server1", "server2"))
        asking.send_signal(number)
        asking.wait(240.0)
        assert waited_for(lambda: not tables(demo_lab, "server1") and not tables(demo_lab, "server2"), PATIENCE_S)
        assert waited_for(lambda: not any(bpftraces(demo_lab, host) for host in ("server1", "server2")), PATIENCE_S)
    finally:
        on_host(demo_lab, "server2", ["iptables", "-D", *rule])


def waited_for(what: object, seconds: float) -> bool:
    assert callable(what)
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)  # noqa: TID251 - polling with a bound
    return True
