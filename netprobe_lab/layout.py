"""Every name and address of a lab, computed from its id: nothing has to be remembered to take a lab down.

A lab that was killed half-way up (kill -9 included) left nothing that this module cannot name, and every process of it
carries `MARKER=<id>` in its environment, inherited from the first one on. `down` relies on both and on nothing else.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from netprobe.errors import UsageFault, did_you_mean
from netprobe_lab.errors import LabError

RUN_ROOT = Path("/run/netprobe-lab")
DATA_ROOT = Path("/var/lib/netprobe-lab")
NETNS_ROOT = Path("/run/netns")
NETNS_ETC = Path("/etc/netns")
CGROUP_ROOT = Path("/sys/fs/cgroup")
MARKER = "NETPROBE_LAB_ID"
OVERRIDE = "NETPROBE_LAB"

LAN = "192.168.3.0/24"
OUTSIDE_NET = "203.0.113.0/24"
OUTSIDE_LAN_ADDRESS = "192.168.3.1"
OUTSIDE_NAME = "www.outside.test"
DNS_DOMAIN = "outside.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One host of the lab: a network, mount and UTS namespace.

    Attributes:
        name: its host name, and its name in the inventory.
        address: the IPv4 address that other hosts know it by.
        lan_address: its IPv4 address on the LAN's eth0.
        engine: whether a Docker Engine runs on it.
        trunk: whether it has eth1 and eth1.1, on the trunk.
        listed: whether the lab's inventory has it.
        number: last octet of its stable MAC addresses.
    """

    name: str
    address: str
    lan_address: str
    engine: bool
    trunk: bool
    number: int
    listed: bool = True

    def mac(self, interface: int) -> str:
        """Return the locally administered MAC of eth`interface`."""
        return f"02:4e:50:00:{interface:02x}:{self.number:02x}"


SERVER1 = Machine(
    name="server1", address="192.168.3.201", lan_address="192.168.3.201", engine=True, trunk=True, number=201
)
SERVER2 = Machine(
    name="server2", address="192.168.3.202", lan_address="192.168.3.202", engine=True, trunk=True, number=202
)
# Has no address on the trunk: experiments give it some, and have it forward.
ROUTER = Machine(
    name="router", address="192.168.3.254", lan_address="192.168.3.254", engine=False, trunk=True, number=254
)
OUTSIDE = Machine(
    name="outside", address="203.0.113.10", lan_address=OUTSIDE_LAN_ADDRESS, engine=False, trunk=False, number=1
)
# An engineer's own machine on the LAN: with `lab up --ssh` netprobe runs here and reaches the servers over ssh.
DESK = Machine(
    name="desk",
    address="192.168.3.210",
    lan_address="192.168.3.210",
    engine=False,
    trunk=False,
    number=210,
    listed=False,
)
MACHINES = (SERVER1, SERVER2, ROUTER, OUTSIDE, DESK)
SERVERS = (SERVER1, SERVER2)
TRUNKED = tuple(machine for machine in MACHINES if machine.trunk)
WIRES = "wires"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """Where one lab keeps its things. Two checkouts have two ids and share nothing but the packages' cache."""

    id: str
    checkout: Path

    @property
    def run_dir(self) -> Path:
        """Sockets, pids, logs, the inventory: gone after `down`."""
        return RUN_ROOT / self.id

    @property
    def bin_dir(self) -> Path:
        """Commands that the lab stands in for, and netprobe; the first on the PATH of its shells."""
        return self.run_dir / "bin"

    @property
    def data_dir(self) -> Path:
        """The engines' data roots: gone after `down`."""
        return DATA_ROOT / self.id

    @property
    def hosts_file(self) -> Path:
        """The inventory; exists exactly while the lab is up."""
        return self.run_dir / "hosts.toml"

    @property
    def cgroup(self) -> str:
        """The parent of all containers' cgroups, below each hierarchy's root."""
        return f"np-{self.id}"

    def host_dir(self, host: str) -> Path:
        """The run directory of one host."""
        return self.run_dir / host

    def holder_file(self, host: str) -> Path:
        """Holds the id of the process that keeps the host's namespaces."""
        return self.host_dir(host) / "holder.pid"

    def socket(self, host: str) -> Path:
        """The Docker Engine's socket of one host."""
        return self.host_dir(host) / "docker.sock"

    def netns(self, host: str) -> str:
        """The name of a network namespace, as `ip netns` shows it."""
        return f"np-{self.id}-{host}"

    def netns_path(self, host: str) -> Path:
        """The file that pins a network namespace."""
        return NETNS_ROOT / self.netns(host)

    def netns_etc(self, host: str) -> Path:
        """The host's own resolv.conf and hosts, where iproute2 looks for them (ip-netns(8))."""
        return NETNS_ETC / self.netns(host)

    @property
    def namespaces(self) -> tuple[Path, ...]:
        """The files that pin all network namespaces of the lab."""
        return tuple(self.netns_path(name) for name in (WIRES, *(machine.name for machine in MACHINES)))


def machine(name: str) -> Machine:
    """Return the host of that name.

    Raises:
        UsageFault: the lab has no such host.
    """
    for candidate in MACHINES:
        if candidate.name == name:
            return candidate
    known = ", ".join(candidate.name for candidate in MACHINES)
    raise UsageFault(
        f"the lab has no host {name!r}",
        did_you_mean(name, [each.name for each in MACHINES]) or f"its hosts are {known}",
    )


def this_lab() -> Lab:
    """Return the lab of this checkout, or the one that $NETPROBE_LAB names.

    Raises:
        LabError: $NETPROBE_LAB is not a usable name.
    """
    checkout = Path(__file__).resolve().parents[1]
    chosen = os.environ.get(OVERRIDE) or hashlib.sha256(str(checkout).encode()).hexdigest()[:6]
    if not re.fullmatch(r"[a-z0-9]{1,12}", chosen):
        raise LabError(f"${OVERRIDE} is not a lab id", "use 1 to 12 characters of a-z and 0-9")
    return Lab(id=chosen, checkout=checkout)
