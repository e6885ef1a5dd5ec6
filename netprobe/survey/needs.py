"""What a host should have, and what it costs where it has not. The order is that of the report: what nothing goes without first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.survey.model import Lack
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A program: its package in Debian, and what its absence costs."""

    program: str
    package: str
    cost: str
    fatal: bool = False


NEEDS = (
    Need(program="timeout", package="coreutils", cost="nothing can be run there", fatal=True),
    Need(program="tcpdump", package="tcpdump", cost="nothing can be sniffed there", fatal=True),
    Need(
        program="ip", package="iproute2", cost="addresses and routes stay unknown: no probe can be planned", fatal=True
    ),
    Need(
        program="nsenter",
        package="util-linux",
        cost="containers cannot be entered: no probe from them, no point inside",
    ),
    Need(program="ss", package="iproute2", cost="who listens on a port stays unknown"),
    Need(program="bridge", package="iproute2", cost="which port of a bridge has which MAC stays unknown"),
    Need(program="iptables-save", package="iptables", cost="iptables rules stay unknown"),
    Need(program="ip6tables-save", package="iptables", cost="ip6tables rules stay unknown"),
    Need(program="nft", package="nftables", cost="nftables rules stay unknown"),
)

# capability(7): bit -> name, what is not possible without it, whether nothing goes without it.
CAPABILITIES = (
    (13, "CAP_NET_RAW", "nothing can be sniffed there", True),
    (21, "CAP_SYS_ADMIN", "containers cannot be entered: no probe from them, no point inside", False),
    (12, "CAP_NET_ADMIN", "firewall rules stay unknown", False),
)


def lacking_programs(missing: Collection[str]) -> list[Lack]:
    """Return what the absence of these programs comes to."""
    return [
        Lack(what=need.program, cost=need.cost, hint=f"install the package {need.package} there", fatal=need.fatal)
        for need in NEEDS
        if need.program in missing
    ]


def lacking_privileges(uid: int | None, effective: int | None, become: str, *, far: bool = False) -> list[Lack]:
    """Return what cannot be done there for want of privileges.

    Args:
        uid: the effective user id there, None unknown.
        effective: the effective capabilities (CapEff of proc_pid_status(5)), None unknown.
        become: what the inventory says is put before commands that need root.
        far: whether it is another machine.
    """
    if uid is None:
        return []
    if uid != 0:
        login = "log in there as root" if far else "run netprobe as root"
        hint = f"become = {become!r} does not make it root" if become else f'{login}, or give it become = "sudo -n"'
        return [Lack(what="root", cost="nothing can be sniffed and no container entered", hint=hint, fatal=True)]
    if effective is None:
        return []
    return [
        Lack(what=name, cost=cost, hint=f"root there lacks {name}: is it a container?", fatal=fatal)
        for bit, name, cost, fatal in CAPABILITIES
        if not effective >> bit & 1
    ]
