from __future__ import annotations

from netprobe.hosts.doing import words
from netprobe.hosts.session import Session
from netprobe.inventory.hosts import HostEntry


def test_what_a_host_is_asked_is_told_before_it_answers() -> None:
    told: list[tuple[str, str]] = []
    session = Session(HostEntry(name="here"), 30, told=lambda host, what: told.append((host, what)))
    try:
        command = {"key": "x", "argv": ["echo", "a b"], "ns": None, "seconds": 5.0, "limit": 100, "other_than": None}
        assert session.ask("run", commands=[command])["x"]["out"] == "a b\n"
        session.ask("read", files=[{"key": "k", "path": "/etc/hosts", "pid": None}])
    finally:
        session.close()
    assert {host for host, _ in told} == {"here"}
    assert told[0][1].startswith("starts its program: timeout ")
    assert "import" not in told[0][1]  # the program's text is no news
    assert [what for _, what in told[1:]] == ["runs echo 'a b'", "reads /etc/hosts"]


def test_a_request_in_a_namespace_says_whose() -> None:
    request = {"op": "go", "proto": "tcp", "address": "fd00::2", "port": 80, "seconds": 4.96}
    assert list(words("within", {"ns": "web", "request": request, "life_seconds": 40})) == [
        "sends the probe: tcp to [fd00::2]:80, 5.0 s at most  (in web)"
    ]
    assert request["op"] == "go"


def test_capture_points_are_told_one_by_one() -> None:
    points = [
        {"key": "server2/web/eth0", "interface": "eth0", "ns": "web", "filter": "tcp and port 80"},
        {"key": "server2/docker0", "interface": "docker0", "ns": None, "filter": "arp"},
    ]
    assert list(words("sniff", {"points": points})) == [
        "opens capture point server2/web/eth0: tcpdump -i eth0 -p 'tcp and port 80'  (in web)",
        "opens capture point server2/docker0: tcpdump -i docker0 -p arp",
    ]


def test_signs_of_life_are_not_told_and_what_is_new_is() -> None:
    assert list(words("tail", {"seconds": 0.1})) == list(words("watch", {"seconds": 10})) == []
    assert list(words("something-new", {})) == ["something-new"]
