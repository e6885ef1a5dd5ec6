"""Kernel settings on a packet's way: what comes in for a loopback address."""

from __future__ import annotations

import json

import pytest

from netprobe.forward import Barrier
from tests.forward.test_walk import changed, normal, predicted

SETTING = "net.ipv4.conf.%s.route_localnet = %s\n"


@pytest.mark.parametrize(
    ("eth0", "every", "dropped"), [("0", "0", True), ("1", "0", False), ("0", "1", False), (None, "0", None)]
)
def test_dnat_to_loopback_needs_route_localnet_of_the_interface_it_came_by(
    eth0: str | None, every: str, dropped: bool | None
) -> None:
    """net/ipv4/route.c, ip_route_input_slow: a martian destination; where the setting was not read nothing is said."""
    led = changed(normal(), "server2", "iptables", lambda text: text.replace("172.17.0.2:80", "127.0.0.1:80"))
    lines = "".join(SETTING % pair for pair in (("all", every), ("eth0", eth0)) if pair[1] is not None)

    def settings(text: str) -> str:
        kept = [line for line in text.splitlines(keepends=True) if "route_localnet" not in line]
        return "".join(kept) + lines

    told = predicted(changed(led, "server2", "sysctl", settings))
    found = [each.barrier for each in told.obstacles]
    assert (found[:1] == [Barrier.ROUTE_LOCALNET]) is (dropped is True)
    assert bool(told.unknown) is (dropped is None)


@pytest.mark.parametrize(
    ("whole", "eth0", "answers"),
    [("0", "0", True), ("1", "0", True), ("2", "0", True), ("0", "8", False), ("3", "8", False)],
)
def test_arp_is_answered_as_arp_ignore_says(whole: str | None, eth0: str | None, answers: bool) -> None:
    """net/ipv4/arp.c, arp_ignore: the larger of ``all`` and the interface's own; eth0 has the address, in the asker's subnet."""
    lines = "".join(
        f"net.ipv4.conf.{each}.arp_ignore = {value}\n"
        for each, value in (("all", whole), ("eth0", eth0))
        if value is not None
    )
    asked = changed(normal(), "server1", "neigh", lambda _: "[]")
    told = predicted(changed(asked, "server2", "sysctl", lambda text: text + lines))
    assert (Barrier.ARP_IGNORED not in {each.barrier for each in told.obstacles}) is answers


@pytest.mark.parametrize(("mac", "told_so"), [("", True), ("02:42:ac:11:00:63", False)])
def test_two_containers_with_one_mac_on_one_bridge_are_not_predicted(mac: str, told_so: bool) -> None:
    """moby/moby#48595: the bridge sends to the one that sent last (net/bridge/br_fdb.c)."""

    def doubled(text: str) -> str:
        given = json.loads(text)
        target = next(each for each in given if "172.17.0.2" in json.dumps(each["NetworkSettings"]))
        other = json.loads(json.dumps(target)) | {"Id": "f" * 64, "Name": "/other"}
        for network in other["NetworkSettings"]["Networks"].values():
            network.update({"IPAddress": "172.17.0.99", **({"MacAddress": mac} if mac else {})})
        return json.dumps([*given, other])

    told = predicted(changed(normal(), "server2", "containers", doubled))
    assert ("have the same MAC address" in told.unknown) is told_so
