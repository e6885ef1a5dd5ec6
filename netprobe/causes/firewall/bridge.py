"""Filters on Docker's bridges: between two containers of one, and what comes for a container's own address from elsewhere."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from netprobe.causes.firewall.elsewhere import RuleDrop
from netprobe.causes.firewall.forward import ForwardDrop
from netprobe.causes.firewall.host import port_of
from netprobe.causes.proof.blocked import Filtered, past, ways_past
from netprobe.causes.proof.hooks import on_host
from netprobe.causes.remedies.permit import permit
from netprobe.causes.remedies.steps import IN_FIREWALL, publishing, what_is_opened
from netprobe.forward.model import Barrier
from netprobe.model.remedy import advise, run, shell_line
from netprobe.model.rule import Hook, Program
from netprobe.state.address import same
from netprobe.state.engine.compose import in_file, listed
from netprobe.state.engine.model import Network
from netprobe.state.engine.remedies import aliases_of
from netprobe.state.lookup import networks_of, rule_of

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.causes.proof.stopped_by import StoppedBy
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.model.rule import RuleRef
    from netprobe.state.model import Host

_BRIDGE_NF = "net.bridge.bridge-nf-call-"  # iptables, ip6tables
_BY_BRIDGE_NF = frozenset({"", "ip", "ip6", "inet"})  # whose chains see what a bridge switches with that setting alone


def _bridge_of_both(case: Case, host: Host) -> Network | None:
    """The bridge network by which the source container dials the target container."""
    source, target = case.source_container, case.target
    if source is None or target is None or case.target_host is None or case.target_host.name != host.name:
        return None
    mine = {network.name for _, network in networks_of(host, source)}
    dialled = case.probe.dialled if case.probe else None
    for endpoint, network in networks_of(host, target):
        if network.bridge and network.name in mine and dialled in endpoint.all_addresses:
            return network
    return None


class IccFalse(Filtered):
    """The network forbids its containers to talk to each other.

    What it is: ``com.docker.network.bridge.enable_icc=false`` (for the default bridge ``--icc=false``) makes Docker drop what is switched
        from the bridge to the same bridge.
    Why it happens: a hardening guide; the option was meant, and the containers do not know of it.
    Evidence: the request at the source's end of the bridge and not at the target's, while ARP crosses; Docker's rule
        ``-i BRIDGE -o BRIDGE -j DROP`` and its counter; the network's option.
    Remedy: another network for those that should talk.
    Source: moby#31453; moby libnetwork/drivers/bridge/setup_ip_tables.go (setIcc).
    """

    code = "icc-false"
    by_state = True
    reads = ("iptables", "networks")

    def fits(self, case: Case, found: StoppedBy) -> bool:
        """It is Docker's own rule for a bridge of both, whose network has the option."""
        host = case.before(found.host)
        network = _bridge_of_both(case, host) if host else None
        if host is None or network is None or network.icc:
            return False
        return host.engine.forbids_icc(found.rule, network.bridge)

    def summary(self, case: Case, found: StoppedBy) -> str:
        """Which network."""
        host = case.before(found.host)
        network = _bridge_of_both(case, host) if host else None
        name = network.name if network else "their network"
        source, target = case.source_container, case.target
        names = f"{source.name} does not reach {target.name}" if source and target else "its containers do not talk"
        return f"network {name} has enable_icc=false: {names} on it ({found.rule})"

    def more(self, case: Case, found: StoppedBy) -> tuple[str, ...]:
        """ARP is no matter of iptables: it crosses."""
        crossed = [each for each in case.neighbours if case.probe and each.asked == case.probe.dialled and each.answers]
        frames = [str(frame.frame) for each in crossed[:1] for frame in each.answers[:1]]
        host = case.before(found.host)
        network = _bridge_of_both(case, host) if host else None
        option = f"docker: {network.name} has com.docker.network.bridge.enable_icc=false" if network else ""
        return (option, f"{crossed[0].protocol} crosses the bridge: frame {frames[0]}" if frames else "")

    def remedies(self, case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
        """A network of their own, where the target has all its names."""
        source, target = case.source_container, case.target
        host = case.before(found.host)
        old = _bridge_of_both(case, host) if host is not None else None
        if source is None or target is None or old is None:
            return ()
        fresh = Network(name=_asked_before(old.name, f"{source.name}-{target.name}"), driver="bridge")
        remedies, called = case.engine_at(found.host).remedies, aliases_of(target, old.name)
        names = " or ".join((target.name, *called))
        return (
            remedies.create(found.host, fresh.name),
            remedies.connect(found.host, fresh, source),
            remedies.connect(found.host, fresh, target, aliases=called),
            advise(found.host, f"then dial it by its name ({names}), which is its address on {fresh.name} from now on"),
        )

    def possible(self, case: Case) -> bool:
        """Only for two containers of a network that has the option."""
        host = case.target_host
        if case.probe is None or host is None:
            return case.probe is None
        network = _bridge_of_both(case, host)
        return network is not None and not network.icc


def _asked_before(old: str, name: str) -> str:
    """A name for a new network that sorts before another's: of a container's networks the embedded DNS server asks the first by name first.

    Source: moby libnetwork/sandbox.go (ResolveName, epHeap); seen in the lab: behind it in order, the name stayed the old address.
    """
    return name if name < old else f"0-{name}"


class NftBackendForwardDrop(Filtered):
    """Docker's nftables rules accept, and iptables' FORWARD policy drops.

    What it is: Engine 29 with ``--firewall-backend=nftables`` writes no iptables rules; a FORWARD policy DROP that is left in iptables
        still applies: a packet needs the accept of both.
    Why it happens: an earlier engine (or an administrator) set the policy when it turned on ip_forward, and nobody took it back.
    Evidence: the request at the host's door (or on the source's bridge) and not behind it; table ``ip docker-bridges`` with Docker's rules,
        none of them in iptables; the policy, and its counter where it has one.
    Remedy: ``iptables -P FORWARD ACCEPT``.
    Source: Docker documentation, "Docker with nftables" (migrating from iptables to nftables).
    """

    code = "nft-backend-forward-drop"
    by_state = True
    reads = ("nft", "iptables")
    hooks = frozenset({Hook.FORWARD})
    needs = ("nft",)
    instead_of = frozenset({ForwardDrop})

    def undecided(self, case: Case) -> bool:
        """Docker's rules in iptables decide it as well: the engine writes either."""
        return super().undecided(case) and not any(map(_in_iptables, case.world.before.values()))

    def fits(self, case: Case, found: StoppedBy) -> bool:
        """The policy is iptables', Docker's rules are nftables', and none of those stands in the way behind it."""
        host = case.before(found.host)
        if host is None or found.rule.program is Program.NFT or not found.rule.policy or found.rule.chain != "FORWARD":
            return False
        told = case.prediction
        behind = told.obstacles[1:] if told else ()
        return _by_nftables(host) and not any(
            each.rule is not None and each.rule.table == host.engine.nft_table for each in behind
        )

    def summary(self, case: Case, found: StoppedBy) -> str:
        """Who accepts, who does not."""
        return f"Docker's nftables rules on {found.host} accept {port_of(case)}, and {found.rule.program}' FORWARD policy DROP stops it all the same"

    def more(self, case: Case, found: StoppedBy) -> tuple[str, ...]:
        """Where Docker's rules are."""
        table = case.engine_at(found.host).nft_table
        return (f"nftables: table ip {table} holds Docker's rules, iptables has none of them",)

    def remedies(self, case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
        """Past the policy; without it, where it is only left over: Docker's nftables rules close what they close all the same."""
        command = shell_line(found.undo)
        opens = f"this opens {found.host} to be forwarded through, but for what Docker's nftables rules and other rules drop"
        return (past(case, found), advise(found.host, f"or, where nobody wants that policy: {command}; {opens}"))

    def possible(self, case: Case) -> bool:
        """Only where a host has Docker's nftables rules, or that is not known."""
        hosts = case.world.before.values()
        return any(host.nft is None or _by_nftables(host) for host in hosts) and super().possible(case)


def _switch(case: Case) -> str:
    """The setting of bridge netfilter for the dialled address's version."""
    return f"{_BRIDGE_NF}{'ip6tables' if case.is_v6 else 'iptables'}"


class BridgeNfForwardDrop(Filtered):
    """iptables sees what a bridge switches, and a rule that was meant for routed packets drops it.

    What it is: with ``bridge-nf-call-iptables=1`` packets between two containers of one bridge pass FORWARD.
    Why it happens: Docker or Kubernetes turned it on; a firewall's FORWARD policy or rule does not expect such packets.
    Evidence: the request at the source's end of the bridge and not at the target's; the rule, its counter, and the setting.
    Remedy: turn the setting off (swarm and Kubernetes need it: then accept before the rule).
    Source: moby#48492; Documentation/networking/bridge.rst ("Bridge netfilter"), net/bridge/br_netfilter_hooks.c.
    """

    code = "bridge-nf-forward-drop"
    by_state = True
    reads = ("sysctl", "iptables")
    hooks = frozenset({Hook.FORWARD})
    needs = ("containers", "networks", "sysctl")
    instead_of = frozenset({ForwardDrop, NftBackendForwardDrop})

    def fits(self, case: Case, found: StoppedBy) -> bool:
        """Both are on one bridge, the setting is on, and the rule is not Docker's own for enable_icc=false."""
        host = case.before(found.host)
        network = _bridge_of_both(case, host) if host else None
        if host is None or network is None or found.rule.family not in _BY_BRIDGE_NF:
            return False  # nftables' bridge family needs no such setting
        on = (host.sysctls or {}).get(_switch(case)) == "1"
        return on and not host.engine.forbids_icc(found.rule, network.bridge)

    def summary(self, case: Case, found: StoppedBy) -> str:
        """What sees it, and what drops it."""
        host = case.before(found.host)
        network = _bridge_of_both(case, host) if host else None
        bridge = network.bridge if network else "the bridge"
        return f"{found.host} filters what {bridge} switches between its own containers ({_switch(case)}=1), and {found.rule} {found.does} it"

    def more(self, case: Case, found: StoppedBy) -> tuple[str, ...]:  # noqa: ARG002
        """The setting."""
        return (f"sysctl: {_switch(case)} = 1",)

    def remedies(self, case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
        """What the bridge switches is accepted before the rule; or is not asked of iptables at all."""
        host = case.before(found.host)
        network = _bridge_of_both(case, host) if host else None
        off = f"or, where nothing on {found.host} needs it (swarm, Kubernetes, enable_icc=false): sysctl -w {_switch(case)}=0"
        if network is None or found.rule.program is Program.NFT or found.rule.table != "filter":
            return (*ways_past(case, found), advise(found.host, off))
        accept = (found.rule.program, "-I", "FORWARD", "-i", network.bridge, "-o", network.bridge, "-j", "ACCEPT")
        opens = f"this opens all between the containers of {network.name}; {IN_FIREWALL}"
        return (run(found.host, *accept, advice=opens), advise(found.host, off))

    def possible(self, case: Case) -> bool:
        """Only between two containers of one bridge, where the setting is on."""
        host = case.target_host
        if case.probe is None or host is None:
            return case.probe is None
        network = _bridge_of_both(case, host)
        return network is not None and (host.sysctls or {}).get(_switch(case)) != "0" and super().possible(case)


def closes_v4(case: Case, host: Host, rule: RuleRef) -> bool:
    """Whether this rule closes the dialled container's own IPv4 address to what comes from no container of its host."""
    probe = case.probe
    network = dialled_network(case, host)
    if probe is None or network is None or case.is_v6:
        return False
    if probe.source_at.container is not None and probe.source_at.host == host.name:
        return False
    raw = rule.family == "ip" if rule.program is Program.NFT else rule.table == "raw"
    return raw and host.engine.closes_to_others(rule_of(host, rule), network.bridge)


def dialled_network(case: Case, host: Host) -> Network | None:
    """The bridge network of the target in which the dialled address is its own."""
    target, dialled = case.target, case.probe.dialled if case.probe else None
    for endpoint, network in networks_of(host, target) if target else ():
        if network.bridge and dialled is not None and any(same(dialled, each) for each in endpoint.all_addresses):
            return network
    return None


def _by_nftables(host: Host) -> bool:
    """Whether Docker's rules are in nftables' own table, and not in iptables (either backend)."""
    return host.engine.in_nftables(host.nft) and not _in_iptables(host)


def _in_iptables(host: Host) -> bool:
    return any(host.engine.filters(each) for each in (host.ruleset, host.legacy))


class RawDirectDrop(Filtered):
    """A container's own address is dialled from another host, which Engine 28 and later forbid.

    What it is: raw PREROUTING drops what comes for a container's address by another interface than its bridge.
    Why it happens: Engine 28 closed direct routing to containers; what worked by a route to the Docker host no longer does.
    Evidence: the request at the host's door and not behind it; the raw rule ``-d ADDRESS ! -i BRIDGE -j DROP`` and its counter.
    Remedy: dial a published port; or allow it: ``"allow-direct-routing": true`` in daemon.json, the network's option
        ``com.docker.network.bridge.trusted_host_interfaces``, or ``gateway_mode_ipv4=nat-unprotected``.
    Source: moby#49792; Docker documentation, "Packet filtering and firewalls" (direct routing).
    """

    code = "raw-direct-drop"
    reads = ("iptables",)
    needs = ("nft", "containers", "networks")
    instead_of = frozenset({RuleDrop})
    hooks = frozenset({Hook.PREROUTING, Hook.ISOLATION})
    barriers = frozenset({Barrier.RULE})

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """That rule, on the request's way."""
        host = case.before(obstacle.place.host)
        if host is None or obstacle.rule is None or not on_host(obstacle):
            return False
        return super().explains_obstacle(case, obstacle) and closes_v4(case, host, obstacle.rule)

    def fits(self, case: Case, found: StoppedBy) -> bool:
        """It is that rule, for the dialled address of a container, and it stopped the request."""
        host = case.before(found.host)
        return host is not None and not case.reply_lost and closes_v4(case, host, found.rule)

    def summary(self, case: Case, found: StoppedBy) -> str:
        """What is forbidden."""
        name = case.target.name if case.target else "the container"
        dialled = case.probe.dialled if case.probe else ""
        return f"{name}'s own address {dialled} is dialled from outside {found.host}, which the engine forbids: {found.rule}"

    def remedies(self, case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
        """The published port where there is one; what allows it; the rule itself until the engine writes it again."""
        host = case.before(found.host)
        network = dialled_network(case, host) if host else None
        port = case.probe.dialled_port if case.probe else None
        published = [each for each in case.target.published if each.container_port == port] if case.target else []
        ports = f"{port}:{port}{'' if case.transport == 'tcp' else f'/{case.transport}'}"
        file = in_file(case.target, f"ports: {listed(ports)}") if case.target is not None and port is not None else ""
        wanted = file or (publishing(port, port, case.transport) if port is not None else "-p")
        to = f"port {published[0].host_port} of {found.host}" if published else f"a port that it publishes ({wanted})"
        option = "com.docker.network.bridge.trusted_host_interfaces=INTERFACE"
        lasting = [f"dial {to}", '"allow-direct-routing": true in daemon.json']
        if network is not None and not network.default_bridge:
            lasting.append(f"docker network create -o {option} … in place of {quote(network.name)}")
        if found.rule.program is Program.NFT:  # the engine's own table: what it has there is its own to change
            return (advise(found.host, "; or ".join(lasting)),)
        accept = permit(case, found.place, found.rule, hook=Hook.PREROUTING) or found.undo
        opens = f"this opens {what_is_opened(case)} to all who have a route to it"
        return (run(found.host, *accept, advice=f"{opens}, until the next reboot; for good: {'; or '.join(lasting)}"),)

    def possible(self, case: Case) -> bool:
        """Only for a container's own address, dialled from outside its host."""
        host, probe = case.target_host, case.probe
        if probe is not None and (host is None or case.is_v6 or dialled_network(case, host) is None):
            return False
        if probe is not None and host is not None and probe.source_at.host == host.name:
            return False
        return super().possible(case)
