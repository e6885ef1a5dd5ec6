"""ARP: which packets are taken for it, and what their columns hold."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from netprobe.decode.table import ABSENT, Anomaly, Kind

if TYPE_CHECKING:
    from tests.decode.conftest import Decoded


def arp(*, hardware: int = 1, protocol: int = 0x0800, sizes: int = 0x0604, operation: int = 1) -> bytes:
    head = b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x08\x06" + struct.pack(">HHHH", hardware, protocol, sizes, operation)
    return head + b"\2\0\0\0\0\1" + bytes([10, 0, 0, 1]) + bytes(6) + bytes([10, 0, 0, 2])


@pytest.mark.parametrize("operation", [1, 2, 9, 0x7FFF, 0x8000, 0xFFFF])
def test_the_operation_is_a_number_of_16_bits(decoded: Decoded, operation: int) -> None:
    table = decoded([arp(operation=operation)])
    assert (table.kind[0], table.arp_op[0]) == (Kind.ARP, operation)


@pytest.mark.parametrize("hardware", [1, 6])
def test_ethernet_and_ieee_802_have_mac_addresses(decoded: Decoded, hardware: int) -> None:
    table = decoded([arp(hardware=hardware)])
    assert (table.kind[0], table.arp_sha[0], table.src_lo[0]) == (Kind.ARP, 0x020000000001, 0x0A000001)


@pytest.mark.parametrize("odd", [{"hardware": 19}, {"hardware": 32}, {"protocol": 0x86DD}, {"sizes": 0x0804}])
def test_other_hardware_and_protocols_are_another_format(decoded: Decoded, odd: dict[str, int]) -> None:
    table = decoded([arp(**odd)])
    assert (table.kind[0], table.arp_op[0], table.ip_version[0]) == (Kind.OTHER, ABSENT, 0)
    assert table.anomaly[0] == Anomaly.BAD_ARP
