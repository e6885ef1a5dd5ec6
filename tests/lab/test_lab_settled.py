"""What one experiment leaves in the kernels does not reach the next one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe_lab import settled
from netprobe_lab.errors import LabError
from netprobe_lab.settled import wait_until_settled
from netprobe_lab.steps import clean, on_host
from tests.lab.serving import nginx

if TYPE_CHECKING:
    from netprobe_lab.layout import Lab

CONNECTIONS = ("ss", "--no-header", "--tcp", "--numeric", "state", "connected", "dport = :80")
# One host dials an address by which nobody answers, and does not wait for what the kernel says of it.
DIAL = "timeout 0.1 bash -c 'echo >/dev/tcp/{}/80' 2>/dev/null; true"


def neighbours(lab: Lab, host: str, *states: str) -> set[str]:
    shown = on_host(lab, host, ["ip", "-json", "neigh", "show", *(word for each in states for word in ("nud", each))])
    return {each["dst"] for each in json.loads(shown.stdout or "[]")}


def dial(lab: Lab, address: str) -> None:
    on_host(lab, "server2", ["sh", "-c", DIAL.format(address)])


def kernel_can_end() -> bool:
    """Whether this kernel ends other programs' connections; yes where it does not say."""
    config = Path("/proc/config.gz")
    return not config.exists() or b"CONFIG_INET_DIAG_DESTROY=y" in gzip.decompress(config.read_bytes())


def test_what_failed_before_the_container_was_there_is_not_waited_for_by_the_question(clean_lab: Lab) -> None:
    dial(clean_lab, "172.17.0.2")
    assert neighbours(clean_lab, "server2", "incomplete", "failed") == {"172.17.0.2"}
    nginx(clean_lab)
    wait_until_settled(clean_lab)
    assert neighbours(clean_lab, "server2", "incomplete", "failed") == set()


def test_an_address_that_nobody_has_is_not_waited_for(clean_lab: Lab) -> None:
    dial(clean_lab, "192.168.3.99")
    wait_until_settled(clean_lab)
    assert neighbours(clean_lab, "server2", "incomplete", "failed") == {"192.168.3.99"}


def test_a_host_that_cannot_be_resolved_is_said(clean_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settled, "_SECONDS", 0.0)
    on_host(clean_lab, "server1", ["nft", "add table netdev deaf"])
    on_host(
        clean_lab, "server1", ["nft", "add chain netdev deaf in { type filter hook ingress device eth0 priority 0; }"]
    )
    on_host(clean_lab, "server1", ["nft", "add rule netdev deaf in ether type arp drop"])
    dial(clean_lab, "192.168.3.201")
    with pytest.raises(LabError, match=r"192\.168\.3\.201 \(eth0 of server2\)"):
        wait_until_settled(clean_lab)


def test_a_clean_lab_remembers_nothing(clean_lab: Lab) -> None:
    nginx(clean_lab, "-p", "80:80")
    on_host(clean_lab, "server1", ["curl", "-s", "--retry", "20", "--retry-all-errors", "192.168.3.202"])
    assert "192.168.3.202" in neighbours(clean_lab, "server1")
    connections = on_host(clean_lab, "server1", [*CONNECTIONS]).stdout
    assert "TIME-WAIT" in connections
    clean(clean_lab)
    assert neighbours(clean_lab, "server1") == set()
    assert on_host(clean_lab, "server1", [*CONNECTIONS]).stdout in {"", connections if not kernel_can_end() else ""}
    assert on_host(clean_lab, "server1", ["ip", "tcp_metrics", "show"]).stdout == ""
