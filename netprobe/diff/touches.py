"""Whether a difference is about something that the journeys had to do with, by what kind of fact it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from netprobe.diff.facts_rules import named
from netprobe.diff.model import FactKind
from netprobe.state.address import covers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from netprobe.diff.model import Difference, RunSide
    from netprobe.diff.scene import Scene
    from netprobe.state.iptables import Rule
    from netprobe.state.namespace import Namespace
    from netprobe.state.nft import NftRule
    from netprobe.state.packet import PacketTuple

_PORT: Final = re.compile(r":(\d+)(?:/|\b)")
_GENERAL: Final = frozenset({"all", "default"})


def touches(difference: Difference, scene: Scene, good: RunSide, bad: RunSide) -> bool:
    """Return whether the journeys had to do with what differs."""
    place = difference.place
    if place.host not in scene.on_way:
        return False
    if place.container is not None and (place.host, place.container) not in scene.inside:
        return False
    return _BY_KIND[difference.kind](difference, scene, good, bad)


def _texts(difference: Difference) -> tuple[str, ...]:
    return tuple(filter(None, (difference.good, difference.bad)))


def _rule(difference: Difference, scene: Scene, good: RunSide, bad: RunSide) -> bool:
    """A rule that certainly is for other packets is none that they met."""
    packets = [each for each in scene.packets.get(difference.place.host, ()) if not _other_version(difference, each)]
    rules = list(_found(difference, good, bad))
    return not rules or any(rule.matches(packet) is not False for rule in rules for packet in packets)


def _other_version(difference: Difference, packet: PacketTuple) -> bool:
    """Whether iptables' rules are for the other IP version than the packet's; nftables' tell it by their family."""
    address = packet.dst or packet.src
    if address is None or " " in difference.subject.removeprefix("ip6tables ").removeprefix("iptables-legacy "):
        return False
    return (":" in address) != difference.subject.startswith("ip6tables")


def _found(difference: Difference, good: RunSide, bad: RunSide) -> Iterator[Rule | NftRule]:
    for side, text in ((good, difference.good), (bad, difference.bad)):
        host = side.world.before.get(difference.place.host)
        if host is None or text is None:
            continue
        yield from _with_text(host.namespace(difference.place.container), difference.subject, text)


def _with_text(namespace: Namespace, subject: str, text: str) -> Iterator[Rule | NftRule]:
    for ruleset in (namespace.ruleset, namespace.legacy, namespace.ruleset6, namespace.legacy6):
        for chain in ruleset.chains() if ruleset is not None else ():
            if named(chain.ref) == subject:
                yield from (rule for rule in chain.rules if rule.text == text)
    for nft_chain in namespace.nft.chains if namespace.nft is not None else ():
        if named(nft_chain.ref) == subject:
            yield from (rule for rule in nft_chain.rules if rule.ref.shown == text)


def _policy(difference: Difference, scene: Scene, good: RunSide, bad: RunSide) -> bool:  # noqa: ARG001 - as the others
    packets = scene.packets.get(difference.place.host, ())
    return not packets or any(not _other_version(difference, each) for each in packets)


def _always(difference: Difference, scene: Scene, good: RunSide, bad: RunSide) -> bool:  # noqa: ARG001 - as the others
    return True


def _element(difference: Difference, scene: Scene, good: RunSide, bad: RunSide) -> bool:  # noqa: ARG001 - as the others
    words = difference.aspect.replace(":", " ").split()
    return any(covers(word, each) for word in (*words, difference.aspect) for each in scene.addresses)


def _route(difference: Difference, scene: Scene, good: RunSide, bad: RunSide) -> bool:  # noqa: ARG001 - as the others
    texts = (text.split() for text in _texts(difference))
    words = {
        "0.0.0.0/0" if word == "default" and ":" not in " ".join(text) else "::/0" if word == "default" else word
        for text in texts
        for word in text[:2]
    }
    return any(covers(word, each) for word in words for each in scene.addresses)


def _interface(difference: Difference, scene: Scene, good: RunSide, bad: RunSide) -> bool:  # noqa: ARG001 - as the others
    names = {text.partition(":")[0] for text in _texts(difference)} | {difference.subject}
    here = scene.interfaces.get(difference.place.host, frozenset())
    address = any(text.rpartition(" ")[2].partition("/")[0] in scene.addresses for text in _texts(difference))
    return bool(names & here) or address or difference.place.container is not None


def _neighbour(difference: Difference, scene: Scene, good: RunSide, bad: RunSide) -> bool:  # noqa: ARG001 - as the others
    return any(word in scene.addresses for text in _texts(difference) for word in text.split())


def _sysctl(difference: Difference, scene: Scene, good: RunSide, bad: RunSide) -> bool:  # noqa: ARG001 - as the others
    texts = _texts(difference)
    key = texts[0].partition(" =")[0] if texts else difference.subject
    if ".conf." not in key:
        return True
    interface = key.partition(".conf.")[2].rpartition(".")[0].replace("/", ".")
    here = scene.interfaces.get(difference.place.host, frozenset())
    return interface in _GENERAL or interface in here or difference.place.container is not None


def _port(difference: Difference, scene: Scene, good: RunSide, bad: RunSide) -> bool:  # noqa: ARG001 - as the others
    return any(int(port) in scene.ports for text in _texts(difference) for port in _PORT.findall(text) if len(port) < 6)


def _container(difference: Difference, scene: Scene, good: RunSide, bad: RunSide) -> bool:
    """One that takes part; where nobody answered for an address, also a whole one that shares a network with these: it may have had that."""
    if (difference.place.host, difference.subject) in scene.inside:
        return True
    if difference.aspect or not scene.unanswered:
        return False
    theirs, mine = set(), set()
    for side in (good, bad):
        for name, host in side.world.before.items():
            for container in host.containers or ():
                taking_part = (name, container.name) in scene.inside
                mine |= {*container.networks} if taking_part else set()
                itself = (name, container.name) == (difference.place.host, difference.subject)
                theirs |= {*container.networks} if itself else set()
    return bool(theirs & mine)


def _network(difference: Difference, scene: Scene, good: RunSide, bad: RunSide) -> bool:
    for side in (good, bad):
        host = side.world.before.get(difference.place.host)
        for container in (host.containers or ()) if host is not None else ():
            if difference.subject in container.networks and (difference.place.host, container.name) in scene.inside:
                return True
    words = {word for text in _texts(difference) for word in text.split()}
    return any(covers(word, each) for word in words for each in scene.addresses)


def _names(difference: Difference, scene: Scene, good: RunSide, bad: RunSide) -> bool:  # noqa: ARG001 - as the others
    if not scene.names:
        return False
    if difference.subject == "/etc/hosts":
        return any(name in text.split()[1:] for text in _texts(difference) for name in scene.names)
    return True


def _conntrack(difference: Difference, scene: Scene, good: RunSide, bad: RunSide) -> bool:
    texts = [text.split(", ")[0].split() for text in _texts(difference)]
    return _port(difference, scene, good, bad) and any(
        word.rpartition(":")[0] in scene.addresses for text in texts for word in text[-1:]
    )


_BY_KIND: Final[dict[FactKind, Callable[[Difference, Scene, RunSide, RunSide], bool]]] = {
    FactKind.RULE: _rule,
    FactKind.POLICY: _policy,
    FactKind.SET: _element,
    FactKind.ROUTE: _route,
    FactKind.ROUTING_RULE: _always,
    FactKind.INTERFACE: _interface,
    FactKind.NEIGHBOUR: _neighbour,
    FactKind.SYSCTL: _sysctl,
    FactKind.SOCKET: _port,
    FactKind.CONTAINER: _container,
    FactKind.NETWORK: _network,
    FactKind.PROXY: _port,
    FactKind.NAMES: _names,
    FactKind.CONNTRACK: _conntrack,
    FactKind.ENGINE: _always,
}
