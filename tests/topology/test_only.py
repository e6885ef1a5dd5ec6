from __future__ import annotations

import pytest

from netprobe.errors import UsageFault
from netprobe.topology.build import build
from netprobe.topology.only import only_hosts
from tests.worlds import host, world

TOPOLOGY = build(world(host("one", "192.168.3.1"), host("other", "192.168.3.2"), host("third", "192.168.3.3")))


def test_nobody_named_is_everybody() -> None:
    assert only_hosts(TOPOLOGY, ()) == TOPOLOGY


def test_the_wires_of_those_that_stay_keep_their_ends() -> None:
    found = only_hosts(TOPOLOGY, ("other",))
    assert [each.name for each in found.hosts] == ["other"]
    assert found.wires == TOPOLOGY.wires


def test_a_host_that_there_is_not() -> None:
    with pytest.raises(UsageFault, match="there is no host 'two'"):
        only_hosts(TOPOLOGY, ("two",))
