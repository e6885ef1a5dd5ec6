"""A list of what may be the cause, where a capture shows a container engine; none where it does not."""

from __future__ import annotations

import pytest
from scapy.layers.l2 import Ether

from tests.anywhere.stories import opened, said
from tests.craft import Sent, tcp, udp

SYN = opened()[0][2]


@pytest.mark.parametrize(
    "sent",
    [
        [("docker0", 0, SYN)],
        [("br-0123456789ab", 0, SYN)],
        [("veth1234567", 0, SYN)],
        [("server2/demo/eth0", 0, SYN)],
        [("eth0", 0, Ether(src="02:42:0a:00:00:01", dst="02:00:00:00:00:02") / SYN)],
        [("eth0", 0, tcp("10.0.0.1:40000", "172.17.0.2:80"))],
        [("lo", 0, udp("127.0.0.1:40000", "127.0.0.11:9999"))],
    ],
)
def test_a_sign_of_docker(sent: list[Sent]) -> None:
    assert "container-paused" in said(sent).may_be


@pytest.mark.parametrize("name", ["eth0", "br0", "br-lan", "vethernet", "wlan0", "capture"])
def test_no_sign(name: str) -> None:
    found = said([(name, 0, SYN)])
    assert (found.verdict, found.may_be) == ("undetermined", ())
    assert said([("eth0", 0, tcp("10.0.0.1:40000", "172.18.0.2:80"))]).may_be == ()
