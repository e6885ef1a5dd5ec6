"""Layer 2, and the size of frames: a bridge without its address, a port without its bridge, a link that is too small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.firewall.forward import ForwardDrop
from netprobe.causes.proof.frames import frame_numbers
from netprobe.causes.proof.obstacle import asked_times, frames_at, met, predicted, silent_points, unanswered
from netprobe.causes.proof.sizes import LostBySize, lost_by_size
from netprobe.causes.remedies import IN_FIREWALL
from netprobe.causes.routing.routes import NoRoute
from netprobe.evidence.model import SPEAK_HTTP
from netprobe.forward.model import Barrier
from netprobe.model.point import point_name
from netprobe.model.remedy import Remedy, advise, run
from netprobe.model.report import Confidence, Direction, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import covers
from netprobe.state.lookup import container_interface, container_with, host_veth, network_for, networks_of
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.evidence.model import CapturePoint
    from netprobe.flows.model import Flow
    from netprobe.state.engine.model import Container, EndpointSettings, Network
    from netprobe.state.model import Host

_ENOUGH = 2  # copies of a segment that all got lost: one alone may be chance
_CLAMP = (
    "-t",
    "mangle",
    "-A",
    "FORWARD",
    "-p",
    "tcp",
    *["--tcp-flags", "SYN,RST", "SYN", "-j", "TCPMSS", "--clamp-mss-to-pmtu"],
)


class BridgeAddressLost(Cause):
    """A Docker bridge lost its address, or a container's veth its bridge.

    What it is: the bridge's address is the containers' gateway: without it nobody answers their ARP, and the host has no route to them.
        A veth that is no port of the bridge leads nowhere.
    Why it happens: a network manager that thinks the interface its own (NetworkManager, systemd-networkd, connman), or a cleaning script.
    Evidence: ARP for the gateway without an answer, or packets at the veth and never at the bridge; ``ip addr`` of the bridge, or the veth's ``master``.
    Remedy: put it back; keep the manager off Docker's interfaces (``unmanaged-devices=interface-name:docker0;interface-name:br-*;interface-name:veth*``).
    Source: moby#40170; NetworkManager.conf(5).
    """

    code = "bridge-address-lost"
    reads = ("addr",)
    tells = "ip addr show dev BRIDGE, and bridge link, on the host"
    symptoms = frozenset({Symptom.NO_PACKETS, Symptom.SILENCE, Symptom.UNREACHABLE})
    needs = ("containers", "networks", "addr", "ns/*/addr")
    instead_of = frozenset({NoRoute, ForwardDrop})

    def find(self, case: Case) -> Finding | None:
        """Fires when the gateway's address is on no interface and its ARP stays unanswered, or the veth has no master."""
        return self._outbound(case) or self._inbound(case) or self._no_port(case)

    def _outbound(self, case: Case) -> Finding | None:
        """A container asks for its gateway, and nobody has it."""
        obstacle = met(case, Barrier.NO_NEIGHBOUR)
        source, host = case.source_container, case.before(case.probe.source_at.host) if case.probe else None
        if obstacle is None or source is None or host is None or obstacle.direction is not Direction.REQUEST:
            return None
        for endpoint, network in networks_of(host, source):
            own = _own_address(endpoint, network, six=case.is_v6)
            gateway = own.partition("/")[0]
            asked = unanswered(case, gateway) if gateway else None
            if asked is not None and gateway in obstacle.text and _without_address(host, own, network):
                return self._finding(host, source, own, network, asked_times(asked))
        return None

    def _inbound(self, case: Case) -> Finding | None:
        """The host has no route to a container of its own."""
        obstacle = met(case, Barrier.NO_ROUTE)
        host = case.before(obstacle.place.host) if obstacle else None
        if obstacle is None or host is None or obstacle.place.container or obstacle.direction is not Direction.REQUEST:
            return None
        found = container_with(host, obstacle.text.rpartition(" ")[2])
        network = network_for(host, found[1]) if found else None
        own = _own_address(found[1], network, six=case.is_v6) if found and network else ""
        if found is None or network is None or not _without_address(host, own, network):
            return None
        last = (
            f"last seen at {case.last_seen}: {frames_at(case, case.last_seen)}"
            if case.last_seen
            else "nothing was sent"
        )
        return self._finding(host, found[0], own, network, f"{last}; ip route of {host.name}: {obstacle.text}")

    def _finding(self, host: Host, container: Container, own: str, network: Network, seen: str) -> Finding:
        gateway, six = own.partition("/")[0], ":" in own
        add = ("ip", "-6", "addr", "add", own) if six else ("ip", "addr", "add", own)
        subnets = ", ".join(each for each in network.subnets if (":" in each) is six)
        return Finding(
            code=self.code,
            summary=f"{network.bridge} of {host.name} has lost its address {gateway}, which is the gateway of {container.name}",
            where=Where(host=host.name, component=network.bridge),
            evidence=(seen, f"ip addr: {network.bridge} has no address in {subnets}"),
            remedies=(
                run(
                    host.name,
                    *add,
                    "dev",
                    network.bridge,
                    *(("nodad",) if six else ()),
                    advice="the engine sets it when it starts; for good: have the network manager that took it leave the bridge alone",
                ),
            ),
        )

    def _no_port(self, case: Case) -> Finding | None:
        """The container's frames come to its veth, which belongs to no bridge."""
        source, host = case.source_container, case.before(case.probe.source_at.host) if case.probe else None
        after = case.after(host.name) if host else None
        if source is None or host is None or after is None:
            return None
        for endpoint, network in networks_of(host, source):
            veth = host_veth(host, source, endpoint)
            then = after.own.link(veth.name) if veth else None
            if veth is None or then is None or veth.master or then.master or not network.bridge:
                continue
            inner = point_name(host.name, container_interface(host, source, endpoint), source.name)
            seen = _before_the_bridge(
                case, (inner, point_name(host.name, veth.name)), point_name(host.name, network.bridge), endpoint
            )
            if seen:
                return Finding(
                    code=self.code,
                    summary=f"{source.name}'s {veth.name} on {host.name} is no port of {network.bridge} any more: what it sends comes to no bridge",
                    where=Where(host=host.name, component=veth.name),
                    evidence=(seen, f"ip link: {veth.name} has no master"),
                    remedies=(
                        run(
                            host.name,
                            "ip",
                            "link",
                            "set",
                            veth.name,
                            "master",
                            network.bridge,
                            advice="the engine does so when the container starts; for good: have the network manager that took it out leave veths alone",
                        ),
                    ),
                )
        return None

    def possible(self, case: Case) -> bool:
        """Only where the walk ends for want of a neighbour, a route or a link, or does not tell."""
        told = case.prediction
        ends = predicted(case, Barrier.NO_NEIGHBOUR, Barrier.NO_ROUTE, Barrier.LINK_DOWN) is not None
        return told is None or bool(told.unknown) or ends


def _own_address(endpoint: EndpointSettings, network: Network, *, six: bool) -> str:
    """The bridge's own address by which it is the containers' gateway, with its prefix length; ``""`` where that is not told."""
    if not six:
        return f"{endpoint.gateway}/{endpoint.prefixlen}" if endpoint.gateway and endpoint.prefix else ""
    subnet = next((each for each in network.subnets if endpoint.gateway6 and covers(each, endpoint.gateway6)), "")
    return f"{endpoint.gateway6}/{subnet.rpartition('/')[2]}" if subnet else ""


def _without_address(host: Host, own: str, network: Network) -> bool:
    """Whether the network's bridge is there, and has no address in the subnet of the one that it should have."""
    link = host.own.link(network.bridge) if network.bridge else None
    return link is not None and bool(own) and not any(covers(own, each.address) for each in link.addresses)


def _before_the_bridge(case: Case, points: tuple[str, ...], bridge: str, endpoint: EndpointSettings) -> str:
    """What was seen at the container's end or its veth and nowhere at the bridge: the request, or ARP for the gateway; ``""`` where neither."""
    if any(hop.seen and hop.point == bridge for hop in case.hops):
        return ""
    for point in reversed(points):
        frames = frames_at(case, point, Direction.REQUEST)
        if frames:
            return f"the request at {point} and never at {bridge}: {frames}"
    gateway = endpoint.gateway6 if case.is_v6 else endpoint.gateway
    asked = unanswered(case, gateway) if gateway else None
    seen = {frame.point for frame in asked.requests} if asked is not None else set()
    return asked_times(asked) if asked is not None and seen and seen <= set(points) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stuck:
    """A segment that was sent again and again before a link that is smaller, and never behind it."""

    host: Host
    here: CapturePoint
    device: str
    mtu: int
    size: int
    times: int
    frames: tuple[int, ...]


class MtuBlackhole(Cause):
    """Small packets pass, large ones disappear: a link of the way is smaller than the sender thinks, and nobody tells it.

    What it is: TCP sends segments as large as its own interface takes, with "don't fragment" set; the host with the smaller link drops them and
        answers ICMP "fragmentation needed", which gets lost: the sender repeats the same segment for ever.
    Why it happens: a VPN, overlay or cloud network with an MTU below 1500 under containers with 1500, and a firewall that drops all ICMP.
    Evidence: copies of one segment before the link, larger than its MTU, none behind it, smaller packets of the same connection behind it;
        no ICMP error at the sender. A link between two hosts has an MTU that neither shows: then all large packets are lost there, and no small one. (For
        ``--size`` with ICMP netprobe sends a small echo as well, once the large one was not answered.)
    Remedy: clamp the MSS; or give the network the MTU (``com.docker.network.driver.mtu``); or let ICMP type 3 code 4 pass.
    Source: moby#22297; RFC 2923 §2.1; iptables-extensions(8), "TCPMSS".
    """

    code = "mtu-blackhole"
    tells = "the same target with --size 1472, and smaller"
    beyond_state = True
    drop_reasons = frozenset({"PKT_TOO_BIG"})
    symptoms = frozenset({Symptom.NO_RESPONSE, Symptom.SILENCE})

    def find(self, case: Case) -> Finding | None:
        """Fires when large packets were seen before an interface that is too small for them, or before the network between two hosts, and small ones behind it."""
        stuck = next(_stuck(case), None) if case.story.symptom is Symptom.NO_RESPONSE else None
        if stuck is None:
            return self._on_the_wire(case)
        at = point_name(stuck.host.name, stuck.device)
        return Finding(
            code=self.code,
            summary=f"segments of {stuck.size} bytes do not fit {stuck.device} of {stuck.host.name} (MTU {stuck.mtu}), and the sender is not told: they disappear",
            where=Where(host=stuck.host.name, component=stuck.device, rule=f"mtu {stuck.mtu}"),
            evidence=(
                f"the same segment, don't fragment, {stuck.times} times at {stuck.here.name} and never at {at}: {frame_numbers(stuck.frames)}",
                f"smaller packets of the connection passed {at}; no ICMP fragmentation needed was seen",
                f"ip link: {stuck.device} has mtu {stuck.mtu}",
            ),
            remedies=(
                run(
                    stuck.host.name,
                    "ip6tables" if case.is_v6 else "iptables",
                    *_CLAMP,
                    advice=f"this makes new TCP connections through {stuck.host.name} send smaller segments; {IN_FIREWALL}",
                ),
                advise(
                    stuck.host.name,
                    f"or for new networks: docker network create -o com.docker.network.driver.mtu={stuck.mtu} NETWORK",
                ),
            ),
        )

    def _on_the_wire(self, case: Case) -> Finding | None:
        """A link between two hosts that neither knows of."""
        found = lost_by_size(case)
        if found is None:
            return None
        here, there = found.here, found.there
        return Finding(
            code=self.code,
            summary=f"packets of {found.lost} bytes leave {here.name} and never come in at {there.name}, those of {found.passed} bytes do: a link between them is smaller than both hosts think, and tells nobody",
            where=Where(component=f"between {here.name} and {there.name}"),
            evidence=(
                f"{found.lost} bytes or more, don't fragment: {found.times} at {here.name}, none at {there.name}: {frame_numbers(found.frames)}",
                f"packets of {found.passed} bytes of the same ends passed; no ICMP fragmentation needed was seen",
            ),
            remedies=self._smaller(case, found),
            confidence=Confidence.CERTAIN if found.times > _ENOUGH else Confidence.LIKELY,
        )

    @staticmethod
    def _smaller(case: Case, found: LostBySize) -> tuple[Remedy, ...]:
        """Segments that fit the least that IPv6 takes; then the path's own MTU."""
        ends = [found.here.host, found.there.host]
        host = case.target_host.name if case.target_host is not None and case.target_host.name in ends else ends[0]
        forwarded = case.target is not None or case.source_container is not None
        program, mss = ("ip6tables", 1220) if case.is_v6 else ("iptables", 1240)
        hooks = ("FORWARD",) if forwarded else ("INPUT", "OUTPUT")
        words = ("-p", "tcp", "--tcp-flags", "SYN,RST", "SYN", "-j", "TCPMSS", "--set-mss", str(mss))
        said = f"this makes new TCP connections through {host} send packets of at most 1280 bytes; {IN_FIREWALL}"
        find = "find the path's own size (tracepath, or ping -M do -s SIZE), and give it to the interfaces or networks that send into it; or have whoever runs the link let ICMP type 3 code 4 pass"
        if case.transport != "tcp":
            return (advise(host, find),)
        commands = tuple((program, "-t", "mangle", "-A", hook, *words) for hook in hooks)
        return (Remedy(host=host, commands=commands, advice=said), advise(host, find))

    def possible(self, case: Case) -> bool:
        """Only where data was sent that nobody answered, or no packet tells whether it was."""
        if case.story.symptom is Symptom.SILENCE and (case.probe is None or case.probe.size is None):
            return False
        large = case.probe is not None and (case.probe.proto in SPEAK_HTTP or case.probe.size is not None)
        return case.journey is not None or large


def _stuck(case: Case) -> Iterator[_Stuck]:
    """Each segment of the connection that ended before a link of the same host which is too small for it."""
    points = silent_points(case)
    for connection in case.journey.legs if case.journey else ():
        if any(flow.errors for flow in connection.flows):
            continue
        for flow in connection.flows:
            for behind in connection.flows:
                here, there = case.points[flow.point], case.points[behind.point]
                if here.host == there.host and here.name != there.name and there.name in points and not there.container:
                    yield from _between(case, flow, behind)


def _between(case: Case, flow: Flow, behind: Flow) -> Iterator[_Stuck]:
    """The segments that one point saw and the other did not, and that are larger than the other's interface takes."""
    there = case.points[behind.point]
    moments = [each.own.link(there.interface) for each in (case.before(there.host), case.after(there.host)) if each]
    mtus = {link.mtu if link else 0 for link in moments}
    mtu = mtus.pop() if len(mtus) == 1 else 0
    host = case.before(there.host)
    table = case.table
    passed = behind.forward.tolist()
    if not mtu or host is None or not passed:
        return
    beyond = {int(table.seq[row]) for row in passed if table.payload_len[row] > 0}
    copies: dict[int, list[int]] = {}
    for row in flow.forward.tolist():
        if table.payload_len[row] > 0 and int(table.ip_len[row]) > mtu:
            copies.setdefault(int(table.seq[row]), []).append(row)
    for seq, rows in copies.items():
        whole = all(table.dont_frag[row] or table.ip_version[row] == 6 for row in rows)
        if len(rows) >= _ENOUGH and seq not in beyond and whole:
            yield _Stuck(
                host=host,
                here=case.points[flow.point],
                device=there.interface,
                mtu=mtu,
                size=min(int(table.ip_len[row]) for row in rows),
                times=len(rows),
                frames=tuple(int(table.packets.frame[row]) for row in rows),
            )
            return
