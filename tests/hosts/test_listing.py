from __future__ import annotations

import json
from typing import Any

import pytest

from netprobe.hosts.listing import as_inspect, choose, is_as_before
from netprobe.state.engine.allow import allow_container
from netprobe.state.engine.docker import parse_containers
from netprobe.state.engine.model import ContainerState, Published
from netprobe.state.issues import Issues


def listed(name: str, port: int = 0, state: str = "running") -> dict[str, Any]:
    ports = [{"PublicPort": port, "PrivatePort": 1, "Type": "tcp"}] if port else []
    return {"Id": f"id-{name}", "Names": [f"/{name}"], "Ports": ports, "State": state}


def test_all_are_inspected_where_they_are_few() -> None:
    assert choose([listed("a"), listed("b")], {"b"}, 2) == ["id-a", "id-b"]


def test_of_many_those_asked_for_come_before_any_that_have_such_a_port() -> None:
    many = [listed(f"web{number}", 80) for number in range(300)] + [listed("old", state="exited"), listed("demo")]
    chosen = choose(many, {"demo", "80"}, 250)
    assert chosen[:2] == ["id-demo", "id-web0"]
    assert len(chosen) == 250
    assert choose(many, {"id-demo"}, 2) == ["id-demo", "id-old"]
    assert choose([{"Id": "x"}] * 3, {"a"}, 1) == ["x"]


def test_what_the_list_tells_reads_like_an_inspect() -> None:
    entry = {
        "Id": "0123456789abcdef",
        "Names": ["/db/web", "/web"],
        "Image": "nginx",
        "Ports": [
            {"IP": "192.0.2.1", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
            {"PrivatePort": 443, "Type": "tcp"},
        ],
        "Labels": {"secret": "x"},
        "State": "paused",
        "HostConfig": {"NetworkMode": "net1"},
        "NetworkSettings": {"Networks": {"net1": {"IPAddress": "10.1.0.2", "IPPrefixLen": 24, "Aliases": None}}},
    }
    issues = Issues("containers")
    kept = json.dumps([allow_container(as_inspect(entry))])
    (container,) = parse_containers(kept, issues) or ()
    assert (container.name, container.state, container.pid) == ("web", ContainerState.PAUSED, 0)
    assert container.networks["net1"].prefix == "10.1.0.2/24"
    assert container.published == (Published(host_ip="192.0.2.1", host_port=8080, container_port=80, proto="tcp"),)
    assert "secret" not in kept
    assert not issues.found


@pytest.mark.parametrize(
    ("before", "after", "seconds", "same"),
    [
        ("Up 2 hours", "Up 2 hours", 5, True),
        ("Exited (0) 3 days ago", "Exited (0) 3 days ago", 5, True),
        ("Up About a minute", "Up About a minute", 29, True),
        ("Up 5 seconds", "Up 5 seconds", 5, False),  # started again, five seconds ago
        ("Up Less than a second", "Up Less than a second", 0, False),
        ("Up 2 minutes", "Up 2 minutes", 120, False),  # started again, two minutes ago
        ("Up 2 hours", "Up 2 hours (Paused)", 5, False),
    ],
)
def test_as_before(before: str, after: str, seconds: float, *, same: bool) -> None:
    assert is_as_before({"Id": "x", "Status": after}, {"Id": "x", "Status": before}, seconds) is same
    assert not is_as_before({"Id": "x"}, {"Id": "x"}, 0)
