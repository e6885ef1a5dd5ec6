"""The wire between hosts: out by an interface of a host, tagged or not, to whoever has the address there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward.drivers import DRIVERS
from netprobe.forward.frame import Arrival, Bearer, below
from netprobe.forward.guesses import arrival_interface
from netprobe.forward.model import Barrier
from netprobe.forward.proxied import stand_in
from netprobe.state.lookup import host_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.forward.frame import Frame, Onto
    from netprobe.state.model import Host


def tag_of(host: Host, device: str) -> int | None:
    """The VLAN id that frames of an interface carry on its parent; by its link, else by Docker's ``parent=P.ID``."""
    link = host.own.link(device)
    if link is not None and link.vlan_id is not None:
        return link.vlan_id
    parent, dot, number = device.rpartition(".")
    known = dot and parent and host.own.link(parent) is not None
    return int(number) if known and number.isascii() and number.isdecimal() and len(number) < 5 else None


def onto_the_wire(frame: Frame, by: Onto) -> Arrival:
    """Carry a frame out of an interface of its host, to whoever has the address there. Raises as Driver.leave."""
    host, tag = frame.host, tag_of(frame.host, by.device)
    if host.own.links is None and host.asked("addr"):
        frame.unknown(f"the interfaces of {host.name} are not known")
    for number, name in enumerate(below(host, by.device)):
        frame.must_be_up(frame.own, host.own.link(name), carrier=True)
        frame.passes(frame.own, name, vlan=tag if number else None)
    if not frame.resolves:
        return Arrival(into=None)  # a tunnel: who has the address on a wire says nothing
    if not by.child and any(driver.hides(frame, by.device) for driver in DRIVERS):
        text = f"a host does not reach macvlan containers of its own {by.device}"
        frame.meets(Barrier.OWN_PARENT, frame.own, by.device, text)
        own = next((each for driver in DRIVERS for each in driver.bearers(frame, host)), None)
        if own is not None:
            return _in(frame, own, tag)
    bearer = _bearer(frame, tag) or stand_in(frame)
    return Arrival(into=None) if bearer is None else _in(frame, bearer, tag)


def _in(frame: Frame, bearer: Bearer, tag: int | None) -> Arrival:
    """From the wire into whoever has the address."""
    host, place = bearer.host, bearer.place
    for name in reversed(below(host, bearer.parent)):
        link = host.own.link(name)
        if link is not None and not (link.up and link.carrier):
            frame.meets(Barrier.LINK_DOWN, Place(host=host.name), name, f"{name} is down")
        tagged = tag if name != bearer.parent or tag_of(host, bearer.parent) is None else None
        frame.passes(Place(host=host.name), name, vlan=tagged)
    macs = frozenset(link.mac for link in host.own.links or () if link.mac and not link.loopback)
    frame.must_be_taken(bearer.mac, macs if place.container is None else frozenset())
    if place.container is not None:
        frame.passes(place, bearer.interface)
    return Arrival(into=place, in_if=bearer.interface)


def _bearer(frame: Frame, tag: int | None) -> Bearer | None:
    """Return who has the address on this wire; None: nobody of the inventory."""
    found = list(_bearers(frame, {name: other for name, other in frame.hosts.items() if name != frame.host.name}))
    for name in {each.host.name for each in found if each.host.own.links is None and each.host.asked("addr")}:
        frame.unknown(f"the interfaces of {name} are not known")
    near = [each for each in found if tag_of(each.host, each.parent) == tag]
    if len(near) > 1:
        why = f"{' and '.join(str(each.place) for each in near)} both have {frame.address}"
        return frame.mode.choose((), lambda: near, why)
    if not near and len(found) == 1 and found[0].place.container is not None:
        _other_vlan(frame, found[0], tag)
        return found[0]
    return near[0] if near else None


def _bearers(frame: Frame, others: Mapping[str, Host]) -> Iterator[Bearer]:
    for other in others.values():
        for driver in DRIVERS:
            yield from driver.bearers(frame, other)
    owner = host_with(others, frame.address)
    link = others[owner].own.link_with(frame.address) if owner else None
    if owner is not None and link is not None:
        here = frame.place.container is None  # a host sends by its own links, whose neighbours are known
        name = arrival_interface(others[owner], link.name, frame.host, frame.device) if here else link.name
        by = others[owner].own.link(name) or link
        yield Bearer(host=others[owner], place=Place(host=owner), interface=by.name, parent=by.name, mac=by.mac)


def _other_vlan(frame: Frame, bearer: Bearer, tag: int | None) -> None:
    there = _tagged(tag_of(bearer.host, bearer.parent))
    text = f"frames leave {_tagged(tag)}, {bearer.place} is on {bearer.parent}, {there}"
    frame.meets(Barrier.OTHER_VLAN, Place(host=bearer.host.name), bearer.parent, text)


def _tagged(tag: int | None) -> str:
    return "untagged" if tag is None else f"with VLAN tag {tag}"
