"""Which differences of state bear on where two journeys part.

Each is weighed by the strongest reason that speaks for it: the cause of the one that fails names it, or the obstacle that its walk meets is it, or one walk
met the rule and the other did not, or it is of what the cause is proved by. The heaviest decide. What the journeys merely came by bears on it, and all else
does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe.diff.model import Bearing, FactKind, Weighed
from netprobe.diff.scene import scene_of
from netprobe.diff.touches import touches
from netprobe.forward.model import Barrier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.diff.model import Difference, Parting, RunSide
    from netprobe.diff.scene import Scene
    from netprobe.diff.states import StateDiff
    from netprobe.forward.model import Obstacle
    from netprobe.model.report import Finding

#: From this weight on the heaviest decide.
DECIDING: Final = 60
_PASSED: Final = 30  # what the journey came by where it parts
_LESS: Final = 8  # so much less where it often follows from something else
_FEW: Final = 3
_ALONE: Final = "nothing names it; of all that differs it alone is where they part"
_RULES: Final = frozenset({FactKind.RULE, FactKind.POLICY, FactKind.SET})
_WAYS: Final = frozenset({FactKind.ROUTE, FactKind.ROUTING_RULE})

#: By kind of obstacle: which kinds of facts it is, and a part of the subject's name (``""``: any that the journey touches).
_OBSTACLES: Final[dict[Barrier, tuple[tuple[FactKind, str], ...]]] = {
    Barrier.FORWARDING_OFF: ((FactKind.SYSCTL, "forward"),),
    Barrier.REVERSE_PATH: ((FactKind.SYSCTL, "rp_filter"), (FactKind.ROUTE, ""), (FactKind.ROUTING_RULE, "")),
    Barrier.ROUTE_LOCALNET: ((FactKind.SYSCTL, "route_localnet"),),
    Barrier.ECHO_IGNORED: ((FactKind.SYSCTL, "icmp_echo_ignore"),),
    Barrier.NO_ROUTE: ((FactKind.ROUTE, ""), (FactKind.ROUTING_RULE, "")),
    Barrier.WRONG_NEIGHBOUR: ((FactKind.NEIGHBOUR, ""),),
    Barrier.NOT_PROXIED: ((FactKind.NEIGHBOUR, "proxy"), (FactKind.SYSCTL, "proxy_ndp")),
    Barrier.ARP_IGNORED: ((FactKind.SYSCTL, "arp_ignore"), (FactKind.INTERFACE, "")),
    Barrier.IPV6_OFF: ((FactKind.SYSCTL, "disable_ipv6"), (FactKind.NETWORK, ""), (FactKind.INTERFACE, "")),
    Barrier.LINK_DOWN: ((FactKind.INTERFACE, ""),),
    Barrier.NOBODY_LISTENS: ((FactKind.SOCKET, ""), (FactKind.PROXY, "")),
    Barrier.QUEUE_FULL: ((FactKind.SOCKET, ""),),
    Barrier.PAUSED: ((FactKind.CONTAINER, ""),),
    Barrier.MODE: ((FactKind.NETWORK, ""), (FactKind.INTERFACE, "")),
    Barrier.OWN_PARENT: ((FactKind.NETWORK, ""), (FactKind.INTERFACE, ""), (FactKind.ROUTE, "")),
    Barrier.OTHER_VLAN: ((FactKind.NETWORK, ""), (FactKind.INTERFACE, "")),
    Barrier.BRIDGE_PORT: ((FactKind.INTERFACE, ""),),
    Barrier.HAIRPIN: ((FactKind.INTERFACE, ""),),
    Barrier.NO_NEIGHBOUR: ((FactKind.CONTAINER, ""), (FactKind.INTERFACE, ""), (FactKind.ROUTE, "")),
}
#: By output: which kinds of facts come from it.
_KINDS: Final[dict[str, frozenset[FactKind]]] = {
    "addr": frozenset({FactKind.INTERFACE}),
    "route": frozenset({FactKind.ROUTE}),
    "rule": frozenset({FactKind.ROUTING_RULE}),
    "neigh": frozenset({FactKind.NEIGHBOUR}),
    "neigh-proxy": frozenset({FactKind.NEIGHBOUR}),
    "iptables": _RULES,
    "iptables-legacy": _RULES,
    "ip6tables": _RULES,
    "nft": _RULES,
    "sockets": frozenset({FactKind.SOCKET, FactKind.PROXY}),
    "sysctl": frozenset({FactKind.SYSCTL}),
    "proxies": frozenset({FactKind.PROXY}),
    "containers": frozenset({FactKind.CONTAINER}),
    "networks": frozenset({FactKind.NETWORK, FactKind.CONTAINER}),
    "resolv-conf": frozenset({FactKind.NAMES}),
    "hosts-file": frozenset({FactKind.NAMES}),
    "conntrack-stat": frozenset({FactKind.SYSCTL}),
}


def weigh(good: RunSide, bad: RunSide, found: Parting | None, state: StateDiff) -> tuple[Weighed, ...]:
    """Return every difference with what it has to do with the parting, the heaviest first."""
    scene = scene_of(good, bad, found)
    weighed = [_weighed(each, good, bad, scene) for each in state.differences]
    most = max((weight for weight, _, _ in weighed), default=0)
    alone = _alone(weighed, most, (good, bad))
    decides = found is not None and (most >= DECIDING or alone)
    out = [
        Weighed(
            difference=difference,
            bearing=_bearing(weight, most if decides else None, told=found is not None),
            why=_ALONE if alone and weight == most else why,
            weight=weight,
        )
        for weight, why, difference in weighed
    ]
    return tuple(sorted(out, key=lambda each: -each.weight))


def _alone(weighed: list[tuple[int, str, Difference]], most: int, sides: tuple[RunSide, RunSide]) -> bool:
    """Whether nothing is named or met, and yet few things alone differ where they part; not where the cause is beyond the hosts."""
    beyond = any(side.report.cause is not None and side.report.cause.where.host is None for side in sides)
    near = [each for weight, _, each in weighed if weight == most]
    return _PASSED - _LESS <= most < DECIDING and len(near) <= _FEW and not beyond


def _bearing(weight: int, most: int | None, *, told: bool) -> Bearing:
    if most is not None and weight == most:
        return Bearing.DECIDES
    return Bearing.BEARS if weight > 0 and told else Bearing.NONE


def _weighed(difference: Difference, good: RunSide, bad: RunSide, scene: Scene) -> tuple[int, str, Difference]:
    reasons = list(_reasons(difference, good, bad, scene))
    weight, why = max(reasons, default=(0, ""))
    return weight, why, difference


def _reasons(difference: Difference, good: RunSide, bad: RunSide, scene: Scene) -> Iterator[tuple[int, str]]:
    near = difference.place.host in scene.near
    touched = touches(difference, scene, good, bad)
    for side in (good, bad):
        cause = side.report.cause
        if cause is not None:
            yield from _by_cause(difference, cause, side.reads, touched=touched)
    yield from _by_address(difference, scene, touched=touched)
    for obstacle in scene.obstacles:
        yield from _by_obstacle(difference, obstacle, touched=touched)
    texts = {(str(difference.place), text) for text in (difference.good, difference.bad) if text}
    if texts & scene.met:
        yield 70, "one walk met it, and the other did not"
    if difference.kind in _WAYS and any(
        place == str(difference.place) and way in text
        for text in (difference.good or "", difference.bad or "")
        for place, way in scene.decided
    ):
        yield 65, "one walk went by it, and the other did not"
    if difference.kind is FactKind.CONTAINER and difference.aspect.startswith("address "):
        ours, theirs = (text.split()[2] if text else "" for text in (difference.good, difference.bad))
        if scene.dialled & {ours, theirs}:
            yield 78, "both dialled that address, and it is another's now"
        return
    if touched:
        yield _passed(difference, near=near), "the journey came by it"


def _passed(difference: Difference, *, near: bool) -> int:
    """What the journey came by: more where it parts, less for what follows from something else."""
    if difference.kind in {FactKind.CONNTRACK, FactKind.ENGINE}:
        return 5
    weight = _PASSED if near else _PASSED // 2
    if difference.kind is FactKind.CONTAINER and difference.aspect == "image":
        return weight // 2
    return weight - _LESS if difference.kind in {FactKind.INTERFACE, FactKind.SYSCTL} else weight


def _by_address(difference: Difference, scene: Scene, *, touched: bool) -> Iterator[tuple[int, str]]:
    """Whose the address is for which nobody answered."""
    address = difference.aspect.partition(" ")[2].partition("/")[0]
    if difference.kind is FactKind.INTERFACE and address in scene.unanswered:
        yield 82, "nobody answered for that address in one of the two"
    if difference.kind is FactKind.CONTAINER and difference.aspect == "" and touched and scene.unanswered:
        yield 40, "it may have had the address for which nobody answered"


def _by_cause(
    difference: Difference, cause: Finding, reads: tuple[str, ...], *, touched: bool
) -> Iterator[tuple[int, str]]:
    where = cause.where
    if where.host is not None and where.host != difference.place.host:
        if difference.kind is FactKind.NETWORK and difference.subject == where.component:  # one segment, on two hosts
            yield 85, f"the cause {cause.code} names its other end"
        return
    texts = [text for text in (difference.good, difference.bad) if text]
    named = f"the cause {cause.code} names it"
    if where.rule and any(where.rule == text or where.rule in text for text in texts):
        yield 100, named
    kinds = frozenset().union(*(_KINDS.get(key.rpartition("/")[2], frozenset()) for key in reads))
    component = where.component or ""
    if (
        _is_subject(component, difference)
        and (difference.kind in kinds or not kinds)
        and (touched or difference.kind not in _RULES)
    ):
        yield _of_subject(difference), named
    elif difference.kind in kinds and touched:
        yield _proving(difference), f"the cause {cause.code} is proved by it"


def _is_subject(component: str, difference: Difference) -> bool:
    subject = difference.subject
    if not component:
        return False
    parts = component.replace(",", " ").split()
    return (
        subject in {component, component.rpartition("/")[2]}
        or component in (difference.place.container, difference.kind)
        or subject.startswith(f"{component}/")
        or (difference.kind is FactKind.SYSCTL and component in subject)
        or (difference.kind is FactKind.PROXY and "docker-proxy" in parts)
        or (difference.kind in _RULES and subject in parts)
        or (difference.kind is FactKind.NAMES and component.endswith(subject))
    )


def _of_subject(difference: Difference) -> int:
    """Of a container its state comes first, then its networks: what does not run has neither addresses nor ports."""
    if difference.kind is not FactKind.CONTAINER or difference.aspect in {"", "state"}:
        return 92
    if difference.aspect.startswith("address "):
        return 50
    return 88 if difference.aspect.startswith("network ") and difference.aspect != "network mode" else 85


def _proving(difference: Difference) -> int:
    """What a cause is proved by beside what it names: in the same order."""
    if difference.aspect.startswith("published "):
        return 84
    return {92: 80, 88: 76, 50: 50}.get(_of_subject(difference), 60) if difference.kind is FactKind.CONTAINER else 60


def _by_obstacle(difference: Difference, obstacle: Obstacle, *, touched: bool) -> Iterator[tuple[int, str]]:
    if obstacle.place.host != difference.place.host:
        return
    texts = [text for text in (difference.good, difference.bad) if text]
    if obstacle.rule is not None and any(text in {obstacle.text, obstacle.rule.shown} for text in texts):
        yield 95, "it stops the walk"
    for kind, part in _OBSTACLES.get(obstacle.barrier, ()):
        if difference.kind is kind and part in difference.subject and (touched or part):
            at = difference.place == obstacle.place
            yield (80 if at else 62), f"the walk ends there: {obstacle.barrier.value}"
