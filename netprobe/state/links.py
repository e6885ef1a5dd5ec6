"""Links, neighbours and bridge forwarding entries, from iproute2's JSON.

Source: iproute2 ip/ipaddress.c, ip/ipneigh.c, bridge/fdb.c (print_* functions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netprobe.state.issues import Issues, dict_of, int_of, load_items, text_of, texts_of
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One address of a link. ``peer`` is the far end of a point-to-point address, else ``""``."""

    address: str
    prefixlen: int
    scope: str = "global"
    peer: str = ""

    @property
    def prefix(self) -> str:
        """``172.17.0.1/16``."""
        return f"{self.address}/{self.prefixlen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One interface, as ``ip -d addr`` shows it.

    Attributes:
        name: its name.
        ifindex: its number in its namespace.
        peer_index: the other end's number in *its* namespace (veth), the parent's (macvlan, vlan); None unknown or none.
        peer_name: the other end's or parent's name where it is in the same namespace, else ``""``.
        master: the bridge (or bond, vrf) it is a port of, ``""`` none.
        kind: ``veth`` ``bridge`` ``macvlan`` ``ipvlan`` ``vlan`` ``dummy`` …, ``""`` for hardware and lo.
        mode: macvlan or ipvlan mode (``bridge``, ``private``, ``vepa``, ``l2`` …).
        mac: link address.
        mtu: bytes; 0 unknown.
        up: administratively up (IFF_UP). carrier: IFF_LOWER_UP. promisc: IFF_PROMISC or the kernel's promiscuity count.
        vlan_id: the VLAN id of a ``vlan`` link, None for others (also for a lab's veth stand-in).
        arp: it resolves addresses; not a tunnel or another link without (IFF_NOARP).
        group: its device group, ``default`` for none.
        xdp: an XDP program is attached: it may drop what comes in before any sniffer sees it.
        hairpin: of a bridge's port: frames may leave by the port that they came in by; None for others.
        isolated: of a bridge's port: nothing passes between it and another isolated one. port_state: ``forwarding`` …; ``""`` for others.
    """

    name: str
    ifindex: int
    peer_index: int | None = None
    peer_name: str = ""
    master: str = ""
    kind: str = ""
    mode: str = ""
    mac: str = ""
    mtu: int = 0
    up: bool = True
    carrier: bool = True
    promisc: bool = False
    addresses: tuple[Address, ...] = ()
    vlan_id: int | None = None
    arp: bool = True
    group: str = "default"
    xdp: bool = False
    hairpin: bool | None = None
    isolated: bool = False
    port_state: str = ""

    @property
    def is_bridge(self) -> bool:
        """True for a bridge, Docker's or another."""
        return self.kind == "bridge"

    @property
    def loopback(self) -> bool:
        """True for lo."""
        return self.name == "lo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """One neighbour entry. ``state`` joins the NUD states (``REACHABLE``, ``FAILED``, ``PERMANENT`` …)."""

    address: str
    dev: str
    mac: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FdbEntry:
    """One forwarding entry: this MAC is behind that port."""

    mac: str
    port: str
    master: str = ""
    state: str = ""


def parse_links(text: str, issues: Issues) -> tuple[Link, ...] | None:
    """``ip -j -d addr show``. None when the text is no JSON list."""
    items = load_items(text, issues)
    if items is None:
        return None
    links = []
    for number, item in items:
        if not item:  # iproute2 writes {} for links that a filter left out
            continue
        if not text_of(item, "ifname") or int_of(item, "ifindex") is None:
            issues.add(number, item, "a link without name or index")
            continue
        links.append(_link(item))
    return tuple(links)


def _link(item: dict[str, Any]) -> Link:
    info = dict_of(item, "linkinfo")
    data, port = dict_of(info, "info_data"), dict_of(info, "info_slave_data")
    flags = texts_of(item, "flags")
    return Link(
        name=text_of(item, "ifname"),
        ifindex=int_of(item, "ifindex") or 0,
        peer_index=int_of(item, "link_index"),
        peer_name=text_of(item, "link"),
        master=text_of(item, "master"),
        kind=text_of(info, "info_kind"),
        mode=text_of(data, "mode"),
        mac=text_of(item, "address").lower(),
        mtu=int_of(item, "mtu") or 0,
        up="UP" in flags,
        carrier="LOWER_UP" in flags,
        promisc="PROMISC" in flags or (int_of(item, "promiscuity") or 0) > 0,
        addresses=tuple(_addresses(item)),
        vlan_id=int_of(data, "id") if text_of(info, "info_kind") == "vlan" else None,
        arp="NOARP" not in flags,
        group=text_of(item, "group") or "default",
        xdp=bool(dict_of(item, "xdp")),
        hairpin=port.get("hairpin") if isinstance(port.get("hairpin"), bool) else None,
        isolated=port.get("isolated") is True,
        port_state=text_of(port, "state"),
    )


def _addresses(item: dict[str, Any]) -> Iterator[Address]:
    infos = item.get("addr_info")
    for info in infos if isinstance(infos, list) else ():
        if isinstance(info, dict) and text_of(info, "local"):
            yield Address(
                address=text_of(info, "local"),
                prefixlen=int_of(info, "prefixlen") or 0,
                scope=text_of(info, "scope"),
                peer=text_of(info, "address"),
            )


def parse_neighbours(text: str, issues: Issues) -> tuple[Neighbour, ...] | None:
    """``ip -j neigh show``."""
    items = load_items(text, issues)
    if items is None:
        return None
    return tuple(
        Neighbour(
            address=text_of(item, "dst"),
            dev=text_of(item, "dev"),
            mac=text_of(item, "lladdr").lower(),
            state=",".join(texts_of(item, "state")) or text_of(item, "state"),
        )
        for _, item in items
        if text_of(item, "dst")
    )


def parse_fdb(text: str, issues: Issues) -> tuple[FdbEntry, ...] | None:
    """``bridge -j fdb show``."""
    items = load_items(text, issues)
    if items is None:
        return None
    return tuple(
        FdbEntry(
            mac=text_of(item, "mac").lower(),
            port=text_of(item, "ifname"),
            master=text_of(item, "master"),
            state=text_of(item, "state"),
        )
        for _, item in items
        if text_of(item, "mac") and text_of(item, "ifname")
    )
