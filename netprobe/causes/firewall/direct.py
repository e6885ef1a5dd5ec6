"""A container's own IPv6 address, dialled from outside its host: what Engine 27 and later close, whose rules are ip6tables' by default."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from netprobe.causes.firewall.bridge import dialled_network
from netprobe.causes.firewall.forward import asks_user_chain, is_published
from netprobe.causes.firewall.host import port_of
from netprobe.causes.proof.blocked import Filtered, ways_past
from netprobe.causes.proof.hooks import on_host
from netprobe.causes.proof.publishing import published_again
from netprobe.causes.remedies.steps import what_is_opened
from netprobe.forward.model import Barrier
from netprobe.model.remedy import Remedy
from netprobe.model.rule import Hook, Program
from netprobe.state.engine.docker import ROUTED, gateway_mode
from netprobe.state.lookup import rule_of

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.causes.proof.stopped_by import StoppedBy
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Argv
    from netprobe.model.rule import RuleRef
    from netprobe.state.engine.model import Network
    from netprobe.state.model import Host

_MODE = "com.docker.network.bridge.gateway_mode_ipv6"


def closes_v6(case: Case, host: Host, rule: RuleRef) -> Network | None:
    """The network whose container's own IPv6 address this rule closes to what comes from outside its host; None for any other rule.

    It is one of three: raw PREROUTING (Engine 28: ``-d ADDRESS ! -i BRIDGE -j DROP``); the rule that ends Docker's filter rules for
    a bridge (28, network with gateway mode ``routed``: what is not published); FORWARD's policy (27, which has no such rule).
    """
    probe, network = case.probe, dialled_network(case, host)
    if probe is None or network is None or not case.is_v6 or case.target_host is None:
        return None
    if host.name != case.target_host.name or probe.source_at.host == host.name:
        return None
    engine, at = host.engine, (rule.table, rule.chain)
    if rule.program is Program.NFT:
        closes = rule.family == "ip6" and engine.closes_to_others(rule_of(host, rule), network.bridge)
        return network if closes else None
    if rule.program is not Program.IP6TABLES:
        return None
    found = rule_of(host, rule)
    raw = at == ("raw", "PREROUTING") and engine.closes_to_others(found, network.bridge)
    last = engine.closes_unpublished(found, network.bridge)
    forward = at == ("filter", "FORWARD") and rule.policy
    policy = forward and not is_published(case) and engine.filters(host.ruleset6, network.bridge)
    return network if raw or last or policy else None


def openings(case: Case, host: Host, rule: RuleRef) -> tuple[Argv, ...]:
    """The commands that let the packet past such a rule, and past those that close it behind that; accepting it is less than deleting the rule."""
    probe = case.probe
    raw = rule.table == "raw"
    if probe is None:
        return ()
    port = probe.dialled_port
    wanted = ("-p", case.transport, "--dport", str(port)) if port is not None else ("-p", "ipv6-icmp")
    first = host.engine.user_chain if asks_user_chain(case, host.name) else "FORWARD"
    packet = ("-d", probe.dialled or "", *wanted, "-j", "ACCEPT")
    door: Argv = ("ip6tables", "-t", "raw", "-I", "PREROUTING", *packet)
    accept: Argv = ("ip6tables", "-I", first, *packet)
    if not raw:
        return (accept,)
    return (door,) if is_published(case) else (door, accept)


class V6DirectBlocked(Filtered):
    """A container's own IPv6 address is dialled from another host, and Docker's ip6tables rules close it.

    What it is: since Engine 27 Docker filters IPv6 as it does IPv4: a container's address is open to its own host and its own network
        alone, however globally it is routed. Engine 28 closes it in raw PREROUTING, published or not; on a network with
        ``gateway_mode_ipv6=routed`` only what is not published.
    Why it happens: an upgrade to Engine 27: before, ``ip6tables`` was off, and every port of a global address was reachable.
    Evidence: the request at the host's door and not behind it; the rule of ip6tables and its counter.
    Remedy: publish the port, and dial the host's address; or a network with ``gateway_mode_ipv6=routed``, where a published port is open at
        the container's own address.
    Source: moby#47747, moby#48365; Docker documentation, "Port publishing and mapping" (gateway modes).
    """

    code = "v6-direct-blocked"
    reads = ("ip6tables",)
    needs = ("nft", "ip6tables")
    hooks = frozenset({Hook.PREROUTING, Hook.ISOLATION, Hook.FORWARD})
    barriers = frozenset({Barrier.RULE})

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """One of those rules, on the request's way."""
        host = case.before(obstacle.place.host)
        if host is None or obstacle.rule is None or not on_host(obstacle):
            return False
        return super().explains_obstacle(case, obstacle) and closes_v6(case, host, obstacle.rule) is not None

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """Accepting the packet before such a rule of ip6tables is less than deleting the rule."""
        host = case.before(obstacle.place.host)
        rule = obstacle.rule
        if host is None or rule is None or rule.program is not Program.IP6TABLES:
            return super().undo(case, obstacle)
        opens = f"this opens {what_is_opened(case)} to all who have a route to it, until the next reboot"
        return (Remedy(host=host.name, commands=openings(case, host, rule), advice=opens),)

    def fits(self, case: Case, found: StoppedBy) -> bool:
        """It is one of those rules, and it stopped the request."""
        host = case.before(found.host)
        return host is not None and not case.reply_lost and closes_v6(case, host, found.rule) is not None

    def summary(self, case: Case, found: StoppedBy) -> str:
        """What is closed, and by which rule."""
        name = case.target.name if case.target else "the container"
        dialled = case.probe.dialled if case.probe else ""
        what = (
            "" if found.rule.table == "raw" or is_published(case) else f" on {port_of(case)}, which it does not publish"
        )
        return f"{name}'s own address {dialled} is dialled from outside {found.host}{what}; the engine closes it: {found.rule}"

    def more(self, case: Case, found: StoppedBy) -> tuple[str, ...]:
        """What the network is; engines that leave it to the policy do not have modes."""
        host = case.before(found.host)
        network = dialled_network(case, host) if host else None
        if network is None or found.rule.policy:
            return ()
        return (f"docker: network {network.name} has IPv6's gateway mode {gateway_mode(network, six=True)}",)

    def remedies(self, case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
        """What opens it now, in the order of the packet's way; and for good."""
        host = case.before(found.host)
        network = dialled_network(case, host) if host else None
        if host is None or network is None or found.rule.program is not Program.IP6TABLES:
            return ways_past(case, found)
        opened = openings(case, host, found.rule)
        opens = f"this opens {what_is_opened(case)} to all who have a route to it"
        lasting = f"{opens}, until the next reboot; for good: {self._lasting(case, found, network)}"
        return (Remedy(host=found.host, commands=opened, advice=lasting),)

    @staticmethod
    def _lasting(case: Case, found: StoppedBy, network: Network) -> str:
        probe, target = case.probe, case.target
        port = probe.dialled_port if probe else None
        suffix = "" if case.transport == "tcp" else f"/{case.transport}"
        if port is None:
            return f"a network with -o {_MODE}={ROUTED}, which lets ICMPv6 in"
        ports = f"{port}:{port}{suffix}"
        publish = published_again(target, ports) if target else f"recreate the container with -p {ports}"
        if gateway_mode(network, six=True) == ROUTED:
            return f"{publish}: on a routed network that opens its own address"
        if found.rule.policy:  # Engine 27 and before: Docker's rule for a published port accepts it there too
            return f"{publish}, which opens that port of its own address too"
        mine = [p for p in target.published if (p.container_port, p.proto) == (port, case.transport)] if target else []
        host = case.target_host.name if case.target_host else "the host"
        dial = f"dial port {mine[0].host_port} of {host}" if mine else f"{publish}, and dial port {port} of {host}"
        return f"{dial}; or docker network create --ipv6 -o {_MODE}={ROUTED} … in place of {quote(network.name)}, which opens published ports"

    def possible(self, case: Case) -> bool:
        """Only for a container's own IPv6 address, dialled from outside its host."""
        host, probe = case.target_host, case.probe
        if probe is not None and (host is None or not case.is_v6 or dialled_network(case, host) is None):
            return False
        if probe is not None and host is not None and probe.source_at.host == host.name:
            return False
        return super().possible(case)
