"""The trunk's VLAN: its two programs, and eth1.1 as it stands in the running lab."""

from __future__ import annotations

import json
import struct
import sys
from typing import TYPE_CHECKING

import pytest

from netprobe_lab.layout import SERVERS
from netprobe_lab.steps import on_host
from netprobe_lab.trunk import tagger, untagger
from netprobe_lab.vlan import vlan_made_by

if TYPE_CHECKING:
    from netprobe_lab.layout import Lab


def decoded(program: bytes) -> list[tuple[int, int, int, int, int]]:
    found = []
    for code, registers, offset, immediate in struct.iter_unpack("=BBhi", program):
        low, high = registers & 15, registers >> 4
        found.append(
            (code, low, high, offset, immediate) if sys.byteorder == "little" else (code, high, low, offset, immediate)
        )
    return found


def test_the_programs_are_those_of_the_recipe() -> None:
    assert len(decoded(tagger(3, 1))) == 7
    assert len(decoded(untagger(5, 1))) == 14


def test_interface_and_tag_stand_in_the_programs() -> None:
    assert (0xB7, 3, 0, 0, 77) in decoded(tagger(3, 77))
    assert (0xB7, 1, 0, 0, 3) in decoded(tagger(3, 77))
    assert (0xB7, 1, 0, 0, 5) in decoded(untagger(5, 77))


def test_what_has_no_such_tag_passes() -> None:
    """Both jumps of the parent's program lead to its last two instructions: return TC_ACT_OK (0)."""
    program = decoded(untagger(5, 77))
    jumps = [(at, offset) for at, (code, _, _, offset, _) in enumerate(program) if code in (0x15, 0x55)]
    assert [at + 1 + offset for at, offset in jumps] == [12, 12]
    assert program[12:] == [(0xB7, 0, 0, 0, 0), (0x95, 0, 0, 0, 0)]


def test_eth1_is_promiscuous_without_address(lab: Lab) -> None:
    for machine in SERVERS:
        (link,) = json.loads(on_host(lab, machine.name, ["ip", "-j", "address", "show", "eth1"]).stdout)
        assert {"UP", "PROMISC"} <= set(link["flags"])
        assert [each["local"] for each in link["addr_info"] if each["family"] == "inet"] == []


def test_eth1_1_is_there_and_nothing_is_mounted_or_pinned(lab: Lab) -> None:
    for machine in SERVERS:
        how = vlan_made_by(lab, machine)
        if how.startswith("missing"):
            pytest.skip(f"this kernel has neither way: {how}")
        (link,) = json.loads(on_host(lab, machine.name, ["ip", "-j", "-d", "address", "show", "eth1.1"]).stdout)
        assert "UP" in link["flags"]
        assert (link["linkinfo"]["info_kind"] == "vlan") == (how == "8021q")
        assert str(lab.host_dir(machine.name) / "bpf") not in on_host(lab, machine.name, ["cat", "/proc/mounts"]).stdout
        assert not list((lab.host_dir(machine.name) / "bpf").glob("*"))
