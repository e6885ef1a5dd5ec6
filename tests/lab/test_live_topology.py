"""``netprobe topology`` of real hosts: what stands there is in the picture, and nothing is changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from netprobe_lab.ask import here
from netprobe_lab.steps import clean, on_host
from tests.contract import assert_valid

if TYPE_CHECKING:
    from netprobe_lab.layout import Lab


def test_containers_stand_where_the_kernel_has_them(lab: Lab) -> None:
    docker = ["docker", "run", "-d"]
    on_host(lab, "server2", [*docker, "--name", "demo", "-p", "80:80", "nginx"])
    on_host(lab, "server2", [*docker, "--name", "side", "--network", "container:demo", "busybox", "sleep", "600"])
    before = on_host(lab, "server2", ["ip", "-j", "link"]).stdout
    value = json.loads(here(["topology", "--json", "--hosts", str(lab.hosts_file)]).stdout)
    assert_valid("topology", value)
    server2 = next(each for each in value["hosts"] if each["name"] == "server2")
    (namespace,) = server2["namespaces"]
    assert (namespace["owner"], namespace["containers"], namespace["known"]) == ("demo", ["demo", "side"], True)
    (eth0,) = namespace["interfaces"]
    port = next(each for each in server2["own"]["interfaces"] if each["point"] == eth0["peer"])
    assert (port["master"], port["peer"]) == ("docker0", "server2/demo/eth0")
    assert [each["container"] for each in server2["proxies"]][:1] == ["demo"]
    assert any({"server1/eth0", "server2/eth0"} <= set(each["points"]) for each in value["wires"])
    assert on_host(lab, "server2", ["ip", "-j", "link"]).stdout == before
    clean(lab)


def test_what_is_predicted_of_everybody_holds(lab: Lab) -> None:
    """Another host reaches a published port, and by no address of the container's own; a container of another network does as well."""
    on_host(lab, "server2", ["docker", "network", "create", "net2"])
    on_host(lab, "server2", ["docker", "run", "-d", "--name", "demo", "-p", "80:80", "nginx"])
    on_host(lab, "server2", ["docker", "run", "-d", "--name", "c2", "--network", "net2", "busybox", "sleep", "600"])
    value = json.loads(here(["ps", "--json", "--hosts", str(lab.hosts_file)]).stdout)
    assert_valid("ps", value)
    reach = {(each["source"], each["target"]): each["reach"] for each in value["reach"]}
    assert reach["server2", "demo@server2"] == "direct"
    assert reach["server1", "demo@server2"] == "published"
    assert reach["c2@server2", "demo@server2"] == "published"
    assert reach["demo@server2", "c2@server2"] == "no"
    clean(lab)
