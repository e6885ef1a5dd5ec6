"""Which machine is behind a name: two names for one of them must not count twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.errors import UsageFault
from netprobe.hosts.session import HostLostError, RemoteError
from netprobe.inventory.hosts import LOCAL
from netprobe.survey.same_machine import Identity, same_engine, same_machine
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future

    from netprobe.hosts.session import Answer, Session
    from netprobe.state.model import Host

BOOT_ID = "/proc/sys/kernel/random/boot_id"
NAMESPACE = ("readlink", "/proc/self/ns/net")
SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class AskedIdentity:
    """A session asked who it is."""

    session: Session
    boot: Future[Answer]
    netns: Future[Answer]

    def receive(self, patience: float = SECONDS) -> Identity:
        """Wait for the answer; a host that does not give one is taken for no other."""
        try:
            boot = self.session.wait(self.boot, patience)
            netns = self.session.wait(self.netns, patience)
        except (HostLostError, RemoteError):
            return Identity(boot="", netns="")
        return Identity(boot=str(boot["boot"]["out"]).strip(), netns=str(netns["netns"]["out"]).strip())


def ask(session: Session) -> AskedIdentity:
    """Ask a host for what no other machine has."""
    command = {"key": "netns", "argv": list(NAMESPACE), "ns": None, "seconds": SECONDS, "limit": 4096}
    return AskedIdentity(
        session,
        session.submit("read", files=[{"key": "boot", "path": BOOT_ID, "pid": None}]),
        session.submit("run", commands=[command]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedWithLocal:
    """``local`` has this in common with a host that the inventory names: the whole machine, or its Docker Engine alone."""

    name: str
    machine: bool


def shared_with_local(hosts: Mapping[str, Host], identities: Mapping[str, Identity]) -> SharedWithLocal | None:
    """Return what ``local`` has in common with a named host; None: nothing.

    Raises:
        UsageFault: two named hosts are one machine, or show the containers of one Engine.
    """
    found = None
    for one, other, machine in _pairs(hosts, identities):
        if LOCAL not in (one, other):
            what, hint = _WORDS[machine]
            raise UsageFault(f"the hosts {one} and {other} of the hosts file {what}", hint)
        name = other if one == LOCAL else one
        found = found or SharedWithLocal(name=name, machine=machine)
    return found


_WORDS = {
    True: ("are one machine", "keep one of them"),
    False: ("show the containers of one Docker Engine", "give docker = to the host that it runs on, and to no other"),
}


def _pairs(hosts: Mapping[str, Host], identities: Mapping[str, Identity]) -> Iterator[tuple[str, str, bool]]:
    nobody = Identity(boot="", netns="")
    names = list(hosts)
    for number, one in enumerate(names):
        for other in names[number + 1 :]:
            links = (hosts[one].own.links or (), hosts[other].own.links or ())
            if same_machine(identities.get(one, nobody), identities.get(other, nobody), *links):
                yield one, other, True
            elif same_engine(hosts[one].containers or (), hosts[other].containers or ()):
                yield one, other, False
