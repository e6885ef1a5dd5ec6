"""Hosts of a capture, and as they are after commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.remedy import run
from netprobe.state.build import build_world
from netprobe.state.effects.commands import fixed
from tests.mutilation import evidence

if TYPE_CHECKING:
    from netprobe.state.model import Host


def hosts(name: str) -> dict[str, Host]:
    return dict(build_world(evidence(name)).before)


def after(name: str, *argv: str, host: str = "server2") -> Host:
    return fixed(hosts(name), [run(host, *argv)])[host]


def texts(host: Host, table: str, chain: str) -> list[str]:
    assert host.ruleset is not None
    found = host.ruleset.chain(table, chain)
    assert found is not None
    return [each.text for each in found.rules]
