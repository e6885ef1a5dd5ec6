"""Echoes that tell which sizes come through: against the kernel, over lo and a veth pair whose far end is narrower."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.hosts.remote import sizes
from netprobe.probe import craft

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and raw sockets take root")
TAG = "0123456789abcdef"


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)


def _mac(namespace: str) -> str:
    shown = subprocess.run(
        ["ip", "-n", namespace, "-j", "link", "show", "eth0"], check=True, capture_output=True, text=True
    )
    return str(json.loads(shown.stdout)[0]["address"])


@pytest.fixture
def pair() -> Iterator[tuple[str, str]]:
    """Two namespaces and a veth pair: 192.0.2.1 and fd00:99::1 here, .2 and ::2 there."""
    near, far = (f"np-sizes-{side}-{os.getpid()}" for side in "ab")
    for name in (near, far):
        _run("ip", "netns", "add", name)
    try:
        _run("ip", "-n", near, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", far)
        for number, name in ((1, near), (2, far)):
            _run("ip", "-n", name, "addr", "add", f"192.0.2.{number}/24", "dev", "eth0")
            _run("ip", "-n", name, "-6", "addr", "add", f"fd00:99::{number}/64", "dev", "eth0", "nodad")
            _run("ip", "-n", name, "link", "set", "eth0", "up")
        for name in (near, far):  # neighbours are known, as behind a connection
            number, mac = (2, _mac(far)) if name == near else (1, _mac(near))
            for address in (f"192.0.2.{number}", f"fd00:99::{number}"):
                _run("ip", "-n", name, "neigh", "replace", address, "lladdr", mac, "dev", "eth0", "nud", "permanent")
        yield near, far
    finally:
        for name in (near, far):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def _asked(namespace: str, address: str, most: int | None = None) -> tuple[int, int] | None:
    """Ask from within a namespace: a thread of its own enters it, and ends with it."""
    found: list[tuple[int, int] | None] = []
    message = craft.echo_request(TAG, None, 6 if ":" in address else 4, control=True)

    def go() -> None:
        with Path(f"/run/netns/{namespace}").open("rb") as handle:
            assert ctypes.CDLL(None).setns(handle.fileno(), 0x40000000) == 0
        found.append(sizes.largest_through(address, message, most))

    thread = threading.Thread(target=go)
    thread.start()
    thread.join(30)
    return found[0]


@pytest.mark.parametrize("address", ["192.0.2.2", "fd00:99::2"])
@pytest.mark.parametrize("mtu", [1281, 1400, 1499])
def test_the_size_of_a_narrow_link_is_found_to_the_byte(pair: tuple[str, str], address: str, mtu: int) -> None:
    near, far = pair
    _run("ip", "netns", "exec", far, "nft", "add table netdev narrow")
    _run(
        "ip",
        "netns",
        "exec",
        far,
        "nft",
        "add chain netdev narrow door { type filter hook ingress device eth0 priority 0; }",
    )
    rule = f"ip6 length > {mtu - 40}" if ":" in address else f"ip length > {mtu}"
    _run("ip", "netns", "exec", far, "nft", f"add rule netdev narrow door {rule} drop")
    assert _asked(near, address) == (mtu, mtu + 1)


def test_a_link_that_takes_all_tells_nothing(pair: tuple[str, str]) -> None:
    assert _asked(pair[0], "192.0.2.2") is None


def test_nobody_who_answers_tells_nothing(pair: tuple[str, str]) -> None:
    assert _asked(pair[0], "192.0.2.77") is None


def test_no_way_there_tells_nothing(pair: tuple[str, str]) -> None:
    assert _asked(pair[0], "203.0.113.10") is None


def test_no_echo_is_larger_than_the_one_that_was_lost(pair: tuple[str, str]) -> None:
    near, far = pair
    _run("ip", "netns", "exec", far, "nft", "add table netdev narrow")
    _run(
        "ip",
        "netns",
        "exec",
        far,
        "nft",
        "add chain netdev narrow door { type filter hook ingress device eth0 priority 0; }",
    )
    _run("ip", "netns", "exec", far, "nft", "add rule netdev narrow door ip length > 1400 drop")
    assert _asked(near, "192.0.2.2", 1300) is None
    assert _asked(near, "192.0.2.2", 1401) == (1400, 1401)
