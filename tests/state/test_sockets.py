from __future__ import annotations

from typing import Any

import pytest

from netprobe.state.issues import Issues
from netprobe.state.sockets import listening, on_port, parse_counters, parse_sockets


def test_docker_proxy_listens_for_both_families(server2: Any) -> None:
    four, six = (each for each in server2.own.sockets if each.port == 80 and each.state == "LISTEN")
    assert (four.v6only, four.process, four.wildcard, four.backlog[1]) == (False, "docker-proxy", True, 4096)
    assert (six.local, six.v6only) == ("::", True)
    assert four.accepts("192.168.3.202", 80, "tcp")
    assert not six.accepts("192.168.3.202", 80, "tcp")
    assert six.accepts("fe80::1", 80, "tcp")


def test_loopback_only_and_protocols(server2: Any) -> None:
    udp = next(each for each in server2.own.sockets if each.proto == "udp")
    assert (udp.loopback, udp.port, udp.serving) == (True, 8053, True)
    assert udp.accepts("127.0.0.1", 8053, "udp")
    assert not udp.accepts("127.0.0.1", 8053, "tcp")
    assert not udp.accepts("192.168.3.202", 8053, "udp")


def test_who_serves_a_port_at_any_address(server2: Any) -> None:
    assert sorted(":" in each.local for each in on_port(server2.own.sockets, 80, "tcp")) == [False, True]
    assert [each.local for each in on_port(server2.own.sockets, 8053, "udp")] == ["127.0.0.1"]
    assert on_port(server2.own.sockets, 80, "udp") == []


def test_an_established_connection_serves_nobody(server2: Any) -> None:
    waiting = next(each for each in server2.own.sockets if each.state == "TIME-WAIT")
    assert (waiting.port, waiting.peer, waiting.pid, waiting.process) == (80, "127.0.0.1", None, "")
    assert not waiting.accepts("127.0.0.1", 80, "tcp")


def test_dual_stack_and_devices(issues: Issues) -> None:
    text = """tcp   LISTEN 0 511 *:80 *:* users:(("nginx",pid=7,fd=6),("nginx",pid=1,fd=6)) ino:1 sk:1 <->
tcp   LISTEN 0 511 [::1]:81 [::]:* ino:1 sk:1 v6only:0 <->
udp   UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:(("a b",pid=3,fd=1))
udp   ESTAB 0 0 10.0.0.1%eth0:68 10.0.0.2:67
udp   UNCONN 0 0 [fe80::1]%eth0:546 [::]:*
"""
    web, six, stub, dhcp, dhcp6 = parse_sockets(text, issues) or ()
    assert (web.local, web.pids, web.process) == ("*", (7, 1), "nginx")
    assert web.accepts("172.17.0.2", 80, "tcp")
    assert web.accepts("::1", 80, "tcp")
    assert six.loopback
    assert not six.accepts("127.0.0.1", 81, "tcp")
    assert (stub.local, stub.device, stub.port, stub.process) == ("127.0.0.53", "lo", 53, "a b")
    assert not dhcp.serving
    assert (dhcp6.local, dhcp6.device) == ("fe80::1", "eth0")
    assert listening((web, six, stub, dhcp), "::1", 81, "tcp") == (six,)
    assert not issues.found


def test_the_line_of_options_is_the_sockets_before_it(issues: Issues) -> None:
    text = """tcp LISTEN 0 128 0.0.0.0:3128 0.0.0.0:* users:(("tool",pid=7,fd=3)) ino:1 sk:1 <->
\tinet-sockopt: ( is_icsk transparent mc_loop mc_all)\x20\x20
tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* ino:1 sk:1 <->
\tinet-sockopt: ( is_icsk mc_loop mc_all)
tcp LISTEN 0 128 [::]:3128 [::]:* ino:1 sk:1 v6only:1 <->
\tinet-sockopt: ( is_icsk mc_loop transparent)
udp UNCONN 0 0 0.0.0.0:53 0.0.0.0:* users:(("transparent",pid=7,fd=3)) ino:1 sk:1 <->
"""
    assert [each.transparent for each in parse_sockets(text, issues) or ()] == [True, False, True, None]
    assert parse_sockets("\tinet-sockopt: ( transparent)\n" + text, issues) is not None
    assert not issues.found


@pytest.mark.parametrize("line", ["tcp LISTEN 0 1 x y", "udp", "tcp LISTEN 0 1 a:99999 *:*"])
def test_with_a_socket_that_cannot_be_read_they_are_not_known(line: str, issues: Issues) -> None:
    assert parse_sockets(f"tcp LISTEN 0 1 *:80 *:*\n{line}\n", issues) is None
    assert [issue.line for issue in issues.found] == [2]


def test_what_is_not_of_ss_at_all_does_not_say_that_nothing_listens(issues: Issues) -> None:
    assert parse_sockets("nameserver 192.168.3.1\n", issues) is None


def test_no_sockets() -> None:
    assert parse_sockets("", Issues("sockets")) == ()


def test_hostile_lines_are_issues(issues: Issues) -> None:
    text = '\x1b[2J\ntcp LISTEN 0 1 *:80 *:* users:(("x"),pid=,fd=),("y",pid=99999999999,fd=1))'
    found = parse_sockets(text, issues)
    assert found is not None
    (only,) = found
    assert (only.port, only.pid) == (80, None)
    assert [issue.line for issue in issues.found] == [1]


def test_a_queue_is_full_above_its_backlog(issues: Issues) -> None:
    text = "tcp LISTEN 2 1 *:80 *:*\ntcp LISTEN 1 1 *:81 *:*\ntcp ESTAB 5 0 10.0.0.1:80 10.0.0.2:99\n"
    assert [each.full for each in parse_sockets(text, issues) or ()] == [True, False, False]


def test_counters(issues: Issues) -> None:
    text = (
        "#kernel\nTcpExtListenOverflows           3                  0.0\nTcpExtListenDrops 18446744073709551615 0.0\n"
    )
    assert parse_counters(text, issues) == {
        "TcpExtListenOverflows": 3,
        "TcpExtListenDrops": 18446744073709551615,
    }
    assert not issues.found
    assert parse_counters("x\ny -1\nz 1" + "0" * 40, issues) == {}
    assert [issue.line for issue in issues.found] == [1, 2, 3]


@pytest.mark.parametrize("options", ["( is_icsk mc_loop transparent)", "( is_icsk transparent mc_loop)   "])
def test_an_option_may_come_last_and_columns_are_padded(options: str) -> None:
    text = f"tcp LISTEN 0 128 [::]:3128 [::]:* ino:1\n\tinet-sockopt: {options}\n"
    found = parse_sockets(text, Issues("sockets"))
    assert found is not None
    assert found[0].transparent is True
