"""What is sniffed for a question: its packets, as far as they are known beforehand, and the points where they may pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.capture.plan import Tuple5, proxied_to
from netprobe.live.involved import looks_up
from netprobe.probe.host_address import host_addresses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.live.dial_plan import DialPlan
    from netprobe.probe.target import Target
    from netprobe.state.model import Host


def known_of(hosts: Mapping[str, Host], plan: DialPlan, target: Target, port: int) -> Tuple5:
    """What is known of the probe's packets: its two ends, and whom a translation or docker-proxy may lead it to.

    Args:
        hosts: with their state so far.
        plan: what will be dialled.
        target: by which protocol.
        port: the one that the probe's socket is bound to, 0 where it is not.
    """
    dial = plan.dial
    return Tuple5(
        transport=target.transport,
        source_port=port or None,
        dialled=dial.address if dial else None,
        port=dial.port if dial else None,
        ends=tuple(_ends(hosts, plan, target)),
        source_hosts=tuple(host_addresses(hosts[plan.source_at.host])) if plan.source_at.container is not None else (),
        looks_up=looks_up(target, plan),
    )


def _ends(hosts: Mapping[str, Host], plan: DialPlan, target: Target) -> list[tuple[str, int]]:
    dial = plan.dial
    if dial is None or dial.port is None:
        return []
    ends: list[tuple[str, int]] = []
    if dial.target_address is not None and dial.target_port is not None:
        ends.append((dial.target_address, dial.target_port))
    target_host = plan.target_at.host if plan.target_at is not None else None
    return [*ends, *proxied_to(hosts, target_host, dial.address, dial.port, target.transport)]
