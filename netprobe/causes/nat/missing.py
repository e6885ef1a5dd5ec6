"""Address translation: rules that should be there and are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.proof.flushed import no_translation
from netprobe.causes.proof.hooks import entries
from netprobe.causes.proof.routed import led_elsewhere
from netprobe.causes.remedies.steps import IN_FIREWALL, restarted
from netprobe.evidence.model import Place
from netprobe.forward.model import Barrier
from netprobe.model.hop import Direction
from netprobe.model.point import PointName, point_name
from netprobe.model.remedy import advise, run
from netprobe.model.report import Confidence, Finding, PathCode, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import covers
from netprobe.state.lookup import docker_bridges, networks_of, route_lookup
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Network
    from netprobe.state.iptables import Ruleset
    from netprobe.state.model import Host

SOURCE_NAT = frozenset({"MASQUERADE", "SNAT"})


class MasqueradeMissing(Cause):
    """A container's packets leave the host with the container's own address.

    What it is: nat POSTROUTING has no MASQUERADE (or SNAT) for the container's subnet, so nobody outside can answer.
    Why it happens: the nat table was flushed, or the engine runs with ``--iptables=false``.
    Evidence: the request at the host's uplink, source still the container's address; no answer; no such rule.
    Remedy: put the rule back, or restart the engine, which does.
    Source: moby#28133; moby libnetwork/drivers/bridge/setup_ip_tables.go.
    """

    code = "masquerade-missing"
    reads = ("iptables",)
    tells = "iptables-save -t nat on the host: a MASQUERADE rule for the network"
    symptoms = frozenset({Symptom.SILENCE, Symptom.UNREACHABLE})
    barriers = frozenset({Barrier.NO_ROUTE})

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """The answer finds no way to a container's own address, which the container's host was to hide."""
        back = obstacle.direction is Direction.REPLY and super().explains_obstacle(case, obstacle)
        return back and exposed(case) is not None

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """The rule that hides it."""
        found = exposed(case)
        return self._remedies(*found) if found is not None else super().undo(case, obstacle)

    def find(self, case: Case) -> Finding | None:
        """Fires when the container's address was seen untranslated at an uplink, and no source NAT rule covers it."""
        source = case.source_container
        if source is None or case.probe is None:
            return None
        host = case.before(case.probe.source_at.host)
        network = _network_of(case, host) if host else None
        if host is None or network is None or host.ruleset is None or not network.bridge:
            return None
        if not network.masquerade:
            return None  # meant to be routed: then whoever answers needs a route
        leaked = self._leaked(case, host, network)
        lost = case.first_missing is not None and not case.reply_lost
        if leaked is None or lost or self._way_back(case, leaked[0]):
            return None  # lost on its way there, or the far host knows the way back: another cause
        if led_elsewhere(case, Place(host=host.name), Direction.REQUEST):
            return None
        address, interface, frame = leaked
        packet = PacketTuple(src=address, dst=case.probe.dialled, proto=case.transport, out_if=interface)
        if any(_translates(ruleset, packet) for ruleset in case.rulesets(host)):
            return None
        subnet = next((each for each in network.subnets if covers(each, address)), address)
        place = host.engine.source_nat_place(network.bridge, nftables=host.in_nftables, six=case.is_v6)
        return Finding(
            code=self.code,
            summary=f"{source.name}'s packets leave {host.name} with the container's own address {address}: nobody outside can answer it",
            where=Where(host=host.name, component=place),
            evidence=(
                f"at {host.name}/{interface} the source is still {address}: frame {frame}",
                f"{place} of {host.name} has no {'masquerade or snat' if host.in_nftables else 'MASQUERADE or SNAT'} for {subnet}",
            ),
            remedies=self._remedies(host, network, subnet),
            confidence=Confidence.CERTAIN if case.dialled_host is not None else Confidence.LIKELY,
        )

    @staticmethod
    def _remedies(host: Host, network: Network, subnet: str) -> tuple[Remedy, ...]:
        """The rule as the engine writes it: it writes none twice, and at its start all that are missing. In nftables its table is its own."""
        if host.in_nftables:
            return host.engine.remedies.restart_engine(host.name, host.containers or ())
        six = ":" in subnet
        ruleset = host.ruleset6 if six else host.ruleset
        kept = host.engine.translates(ruleset)
        lasting = "the engine writes the same at its start" if kept else IN_FIREWALL
        rule = ("POSTROUTING", "-s", subnet, "!", "-o", network.bridge, "-j", "MASQUERADE")
        return (run(host.name, "ip6tables" if six else "iptables", "-t", "nat", "-A", *rule, advice=lasting),)

    def possible(self, case: Case) -> bool:
        """Only for what a container sends to somebody else than its own host."""
        probe = case.probe
        if probe is None:
            return True
        inside = case.dialled_host is not None and case.dialled_host.name == probe.source_at.host
        host = PointName.parse(case.first_missing or "").host
        left = case.first_missing is None or host != probe.source_at.host or case.reply_lost
        hidden = any(change.field == "src" for hop in case.hops for change in hop.changes)
        source, own = case.source_container, case.before(probe.source_at.host)
        joined = networks_of(own, source) if own is not None and source is not None else ()
        linked = any(covers(subnet, probe.dialled or "") for _, network in joined for subnet in network.subnets)
        return probe.source_at.container is not None and not inside and left and not hidden and not linked

    @staticmethod
    def _way_back(case: Case, address: str) -> bool:
        """Whether the dialled host is known to have a route to the container's address (its own Docker bridges do not count)."""
        far = case.dialled_host
        hop = route_lookup(far.own, address) if far is not None else None
        return far is not None and hop is not None and not hop.local and hop.dev not in docker_bridges(far)

    @staticmethod
    def _leaked(case: Case, host: Host, network: Network) -> tuple[str, str, int] | None:
        """The container's address, the uplink that showed it, and the frame."""
        mine = set(case.source_container.addresses) if case.source_container else set()
        for hop in case.hops:
            point = next((each for each in case.points if each.name == hop.point), None)
            if (
                point is None
                or hop.packet is None
                or hop.direction is not Direction.REQUEST
                or point.host != host.name
                or point.container
            ):
                continue
            link = host.own.link(point.interface)
            uplink = link is not None and not link.is_bridge and not link.master and not link.loopback
            address = hop.packet.src.address
            if uplink and address in mine and point.interface != network.bridge:
                return address, point.interface, hop.packet.frame
        return None


def exposed(case: Case) -> tuple[Host, Network, str] | None:
    """The source container's host, network and subnet, where by that host's state its address leaves untranslated and was not meant to."""
    host, source = case.before(case.probe.source_at.host) if case.probe else None, case.source_container
    if host is None or source is None or host.ruleset is None or case.dialled is None:
        return None
    bridged = [network for _, network in networks_of(host, source) if network.bridge]
    network = bridged[0] if len(bridged) == 1 else _network_of(case, host)
    pairs = [
        (each, one) for each in (network.subnets if network else ()) for one in source.addresses if covers(each, one)
    ]
    fitting = [(subnet, address) for subnet, address in pairs if (":" in subnet) == case.is_v6]
    if network is None or not network.masquerade or not fitting:
        return None
    subnet, address = fitting[0]
    way = route_lookup(host.own, case.dialled[0])
    packet = PacketTuple(src=address, dst=case.dialled[0], proto=case.transport, out_if=way.dev if way else None)
    hidden = any(_translates(ruleset, packet) for ruleset in case.rulesets(host))
    return None if hidden else (host, network, subnet)


def _network_of(case: Case, host: Host) -> Network | None:
    """The network through which the source container sends: the one whose bridge saw the request."""
    seen = {hop.point for hop in case.hops if hop.seen}
    source = case.source_container
    for name in source.networks if source else ():
        network = host.network(name)
        if network is not None and network.bridge and point_name(host.name, network.bridge) in seen:
            return network
    return None


def _translates(ruleset: Ruleset, packet: PacketTuple) -> bool:
    """Whether some source NAT rule reachable from POSTROUTING may match (unknown counts as may)."""
    for chain in ruleset.tables.get("nat", {}).values():
        if "POSTROUTING" not in entries(ruleset, "nat", chain.name):
            continue
        if any(rule.target in SOURCE_NAT and rule.matches(packet) is not False for rule in chain.rules):
            return True
    return False


class DnatMissing(Cause):
    """A published port lost its DNAT rule; only docker-proxy carries it.

    What it is: the port still works, through docker-proxy: slower, and every client appears with the bridge's gateway address.
    Why it happens: another program flushed or rewrote the nat table.
    Evidence: the two connections of docker-proxy, and no DNAT rule for the publication.
    Remedy: restart the container: Docker writes the rule again.
    Source: seen in the lab (a deleted ``-j DNAT`` rule of nat/DOCKER); moby#12294.
    """

    code = "dnat-missing"
    reads = ("iptables",)
    tells = "iptables-save -t nat on the host: the DNAT rule of the port"
    symptoms = frozenset(Symptom) - {Symptom.NO_PACKETS}
    note = True

    def find(self, case: Case) -> Finding | None:
        """Fires when docker-proxy carried it (or would have) and the publication has no DNAT rule."""
        if case.publication is None:
            return None
        host, container, published = case.publication
        rules = case.dnat_rules(host, published, container)
        if rules is None or rules or not container.running or host.rootless:
            return None
        if host.in_nftables and no_translation(host) and case.story.good:
            return None  # nothing leads to any of the engine's: rules-flushed
        if case.way.path is not PathCode.DOCKER_PROXY and (case.story.good or not case.proxies(host, published)):
            return None
        return Finding(
            code=self.code,
            summary=f"{host.name} has no DNAT rule for {container.name}'s published port {published.host_port}: only docker-proxy carries it",
            where=Where(host=host.name, component=host.engine.dnat_place(nftables=host.in_nftables, six=case.is_v6)),
            evidence=(
                *(
                    [f"two connections, joined by {', '.join(case.journey.joined_by)}"]
                    if case.journey and case.journey.proxied
                    else []
                ),
                f"docker: {container.name} publishes {published}; no rule of nat leads there",
            ),
            remedies=restarted(host, container),
        )


class UdpReplySource(Cause):
    """The UDP reply comes from another address than the one dialled.

    What it is: docker-proxy answers a container from the address of that container's bridge, not from the dialled host address.
    Why it happens: its socket is bound to every address, so the kernel picks the source by the route back.
    Evidence: the reply's source address. A connected UDP socket does not take such a reply (its kernel answers port unreachable).
    Remedy: reach the container by name or address on a shared network.
    Source: seen in the lab (Engine 20.10); moby cmd/docker-proxy/udp_proxy_linux.go (UDPConn.WriteTo on a wildcard socket).
    """

    code = "udp-reply-source"
    tells = "a capture at the client: the source address of the reply"
    symptoms = frozenset({Symptom.OK})
    note = True

    def find(self, case: Case) -> Finding | None:
        """Fires when the only reply was a stray one."""
        if case.journey is None or case.journey.stray is None or case.probe is None:
            return None
        asker = case.probe.source_at.host
        flow = case.journey.stray.flows[0]
        dialled = case.journey.outer.flows[0].server.unpack()
        frame = int(case.table.packets.frame[flow.forward[0]])
        return Finding(
            code=self.code,
            summary=f"the reply comes from {flow.client.unpack()}, not from the dialled {dialled}: a connected UDP socket does not take it",
            where=Where(host=case.publication[0].name if case.publication else None, component="docker-proxy"),
            evidence=(f"frame {frame}: {flow.client.unpack()} → {flow.server.unpack()}",),
            remedies=(advise(asker, "reach the container by its name or address on a network that both share"),),
        )
