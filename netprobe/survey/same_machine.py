"""Two names for one machine, or for one Docker Engine: everything of it would count twice.

One machine: the same boot id and the same network namespace, and the same addresses beside (clones of a running virtual machine share
boot ids). One Engine: a container with the same id, process and start on both; an Engine's own id proves nothing, as clones share that too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.state.engine.model import Container
    from netprobe.state.links import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What tells a machine from all others: boot_id of random(4), and the link of /proc/self/ns/net."""

    boot: str
    netns: str

    @property
    def known(self) -> bool:
        """Say whether both are known; what is not known is the same as nothing."""
        return bool(self.boot and self.netns)


def same_machine(one: Identity, other: Identity, links: Iterable[Link], other_links: Iterable[Link]) -> bool:
    """Say whether two identities and their interfaces are those of one machine."""
    return one.known and one == other and _addresses(links) == _addresses(other_links)


def _addresses(links: Iterable[Link]) -> frozenset[tuple[str, str, str]]:
    return frozenset((link.name, link.mac, address.prefix) for link in links for address in link.addresses)


def same_engine(one: Iterable[Container], other: Iterable[Container]) -> bool:
    """Say whether two lists of containers come from one Engine. Without a running container nothing tells, and nothing counts twice."""
    return not _running(one).isdisjoint(_running(other))


def _running(containers: Iterable[Container]) -> frozenset[tuple[str, int, str]]:
    return frozenset((each.id, each.pid, each.started) for each in containers if each.running and each.id and each.pid)
