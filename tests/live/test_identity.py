from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from netprobe.errors import UsageFault
from netprobe.evidence.state import CommandOutput, HostState
from netprobe.live.identity import shared_with_local
from netprobe.state.build import build_host
from netprobe.survey.same_machine import Identity

if TYPE_CHECKING:
    from netprobe.state.model import Host

HERE, THERE = Identity(boot="b", netns="net:[1]"), Identity(boot="c", netns="net:[1]")


def host(name: str, pid: int | None = None) -> Host:
    running = [{"Id": "a" * 64, "Name": "/demo", "State": {"Status": "running", "Running": True, "Pid": pid}}]
    text = json.dumps(running if pid else [])
    return build_host(HostState(host=name, outputs={"containers": CommandOutput(argv=("docker",), stdout=text)}))


def test_local_is_a_named_host() -> None:
    hosts = {"local": host("local"), "server1": host("server1", 7)}
    shared = shared_with_local(hosts, {"local": HERE, "server1": HERE})
    assert shared is not None
    assert (shared.name, shared.machine) == ("server1", True)
    assert shared_with_local(hosts, {"local": HERE, "server1": THERE}) is None
    assert shared_with_local(hosts, {"local": HERE}) is None


def test_local_shows_a_named_hosts_engine() -> None:
    shared = shared_with_local({"local": host("local", 7), "server1": host("server1", 7)}, {})
    assert shared is not None
    assert (shared.name, shared.machine) == ("server1", False)


def test_two_named_hosts_must_differ() -> None:
    with pytest.raises(UsageFault, match=r"a and b .* one machine"):
        shared_with_local({"a": host("a"), "b": host("b")}, {"a": HERE, "b": HERE})
    with pytest.raises(UsageFault, match=r"a and b .* one Docker Engine"):
        shared_with_local({"a": host("a", 7), "b": host("b", 7)}, {"a": HERE, "b": THERE})
