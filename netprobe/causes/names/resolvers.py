"""Resolvers: the way from a container's lookup to a server that answers, and what is broken on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.names.replaced import in_place_of, put_back
from netprobe.causes.names.unknown import bearers_of, failed_name
from netprobe.causes.proof.life import away_by_name
from netprobe.causes.proof.lookups import UNANSWERED, AskedServer, failed, frames, left, questions, source_host, stopped
from netprobe.causes.proof.obstacle import asked_times, silent_points, unanswered
from netprobe.causes.remedies.past_rule import by_owner, without_rule
from netprobe.causes.remedies.steps import IN_FIREWALL, restarted
from netprobe.causes.routing.routes import way_out
from netprobe.evidence.model import Place
from netprobe.model.endpoint import Endpoint
from netprobe.model.point import PointName, point_name
from netprobe.model.remedy import advise, run
from netprobe.model.report import Confidence, Finding, Where
from netprobe.model.rule import Program
from netprobe.state.address import is_loopback
from netprobe.state.engine import EMBEDDED_DNS
from netprobe.state.engine.compose import recreated
from netprobe.state.lookup import has_address, networks_of, route_lookup

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.causes.proof.lookups import StoppedQuery
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Ruleset
    from netprobe.state.model import Host

STUB = "127.0.0.53"  # systemd-resolved: the engine reads /run/systemd/resolve/resolv.conf then (moby resolvconf.Path)


def _container_name(case: Case) -> str:
    return case.source_container.name if case.source_container else (case.probe.source_at.host if case.probe else "")


class DnsNatFlushed(Cause):
    """The rules that lead a container's queries to the embedded DNS server are gone.

    What it is: 127.0.0.11 port 53 is no socket: the engine listens on two high ports, and nat rules inside the container's namespace
        (DOCKER_OUTPUT) lead there. Without them the container's own kernel refuses every query.
    Why it happens: a firewall script, a VPN client or an entry point in the container flushed its nat table.
    Evidence: the query on lo still for port 53, refused; the namespace's nat table without DOCKER_OUTPUT.
    Remedy: restart the container: the engine writes the rules at its start.
    Source: moby/libnetwork#1938; moby libnetwork/resolver_unix.go (setupIPTable).
    """

    code = "dns-nat-flushed-in-container"
    looked_up = True
    reads = ("ns/*/iptables",)
    tells = "iptables-save -t nat in the container's network namespace"
    symptoms = UNANSWERED

    def find(self, case: Case) -> Finding | None:
        """Fires when 127.0.0.11:53 itself refused the query and the namespace has no such rules, before and after."""
        source, host, rulesets = case.source_container, source_host(case), self._rulesets(case)
        if not failed(case) or source is None or rulesets is None or case.journey is None or case.probe is None:
            return None
        nft = host is not None and host.in_nftables
        server = case.journey.outer.flows[0].server
        refused = [row for flow in case.journey.outer.flows for row in flow.errors]
        if server.address not in EMBEDDED_DNS or server.port != 53 or not refused:
            return None
        if self._led(case, rulesets):
            return None
        return Finding(
            code=self.code,
            summary=f"the {'nftables ruleset' if nft else 'nat table'} inside {source.name} has lost Docker's rules: nothing leads its queries for {server.address} to the embedded DNS server",
            where=Where(host=case.probe.source_at.host, component=source.name),
            evidence=tuple(
                filter(
                    None,
                    (
                        f"the query was still for {server.address} port 53 on lo, and was refused: {case.frames}",
                        self._said(case, source.name, nft=nft),
                    ),
                )
            ),
            remedies=restarted(host, source) if host is not None else (),
        )

    @staticmethod
    def _said(case: Case, name: str, *, nft: bool) -> str:
        """What its namespace lacks, as far as that was read: evidence of older versions has no nftables rules of containers."""
        engine, place = case.engine_at(case.probe.source_at.host if case.probe else ""), case.intent.source
        if not nft:
            return f"iptables-save in {name}'s namespace: no chain {engine.dns_chain} in nat, before and after"
        host = case.before(place.host) if place else None
        read = host is not None and place is not None and host.namespace(place.container).nft is not None
        return f"nft in {name}'s namespace: no table {engine.nft_dns_table}, before and after" if read else ""

    @staticmethod
    def _rulesets(case: Case) -> tuple[Ruleset, ...] | None:
        if case.probe is None:
            return None
        place = case.probe.source_at
        hosts = (case.before(place.host), case.after(place.host))
        known = [host.namespace(place.container).ruleset if host else None for host in hosts]
        found = tuple(each for each in known if each is not None)
        return found if len(found) == len(known) else None

    def possible(self, case: Case) -> bool:
        """Only for a failed lookup by the embedded DNS server, where such rules are not known to be there."""
        rulesets = self._rulesets(case)
        there = rulesets is not None and self._led(case, rulesets)
        return failed(case) and case.source_container is not None and not there

    @staticmethod
    def _led(case: Case, rulesets: tuple[Ruleset, ...]) -> bool:
        """Whether a rule leads queries to the embedded DNS server, before or after."""
        if case.probe is None:
            return False
        engine, place = case.engine_at(case.probe.source_at.host), case.probe.source_at
        inside = [
            host.namespace(place.container).nft for host in (case.before(place.host), case.after(place.host)) if host
        ]
        nft = any(
            chain.table == engine.nft_dns_table and chain.hook and chain.rules
            for each in inside
            if each is not None
            for chain in each.chains
        )
        wanted = engine.dns_chain
        return nft or any(chain.name == wanted and chain.rules for each in rulesets for chain in each.chains())


class DnsInternalNet(Cause):
    """A container on internal networks alone asks for a name of the outside.

    What it is: the embedded DNS server asks on from the container's namespace, and an internal network has no way out.
    Why it happens: ``--internal`` was meant or copied; names of the outside then fail like its addresses.
    Evidence: up to Engine 24 the forwarded query comes to the bridge and the isolation rule drops it; from 25 on nothing is asked
        of anybody. All the container's networks are Internal.
    Remedy: connect the container to a network that leads out.
    Source: moby#47589, moby#46603.
    """

    code = "dns-internal-net"
    looked_up = True
    reads = ("networks",)
    tells = "docker network inspect: Internal"
    symptoms = UNANSWERED

    def find(self, case: Case) -> Finding | None:
        """Fires when the embedded DNS server was asked for a name that no container has, and no question of it left the host."""
        source, host, name = case.source_container, source_host(case), failed_name(case)
        if not failed(case) or source is None or host is None or name is None or case.journey is None:
            return None
        networks = [network for _, network in networks_of(host, source)]
        if not self._internal(case) or bearers_of(case, name) != []:
            return None
        asked = questions(case)
        if not self._embedded(case) or any(each.answered or each.error or left(case, each) for each in asked):
            return None
        names = ", ".join(each.name for each in networks)
        server = host.engine.embedded_dns
        onward = (
            f"it asked {asked[0].server} on; last seen at {case.last_seen}: {frames(case, asked[0], case.last_seen or '')}"
            if asked
            else "no question to another server was seen"
        )
        return Finding(
            code=self.code,
            summary=f"{source.name} is on {names} only, {'an internal network' if len(networks) == 1 else 'internal networks'}: the embedded DNS server has no way to ask anybody outside for {name}",
            where=Where(host=host.name, component=networks[0].name),
            evidence=(
                f"{server} was asked for {name}: {case.frames}",
                onward,
                f"docker: {names}: Internal",
            ),
            remedies=(way_out(case, host, source),),
        )

    @staticmethod
    def _embedded(case: Case) -> bool:
        return case.journey is not None and case.journey.outer.flows[0].server.address in EMBEDDED_DNS

    @staticmethod
    def _internal(case: Case) -> bool:
        """Whether all networks of the source are known, and internal."""
        source, host = case.source_container, source_host(case)
        networks = [network for _, network in networks_of(host, source)] if source and host else []
        whole = source is not None and len(networks) == len(source.networks)
        return bool(networks) and whole and all(each.internal for each in networks)

    def possible(self, case: Case) -> bool:
        """Only for a failed lookup of a container of internal networks."""
        return failed(case) and self._internal(case)


class DnsUpstreamDead(Cause):
    """The name server behind the lookup does not answer.

    What it is: the query left the host under the host's own address, and no answer came back (or: there is no server at that port).
    Why it happens: the server is down or moved, a firewall on the way drops port 53, a VPN's server is asked without the VPN.
    Evidence: the query at the host's outermost interface, and no response at any point; or the server's port unreachable.
    Remedy: name a server that answers.
    Source: docker/for-linux#392; RFC 1035 §4.2.1; moby libnetwork/resolver.go (forwardExtDNS).
    """

    code = "dns-upstream-dead"
    looked_up = True
    reads = ("resolv-conf",)
    tells = "the same question with --proto dns from the host"
    symptoms = UNANSWERED

    def find(self, case: Case) -> Finding | None:
        """Fires when every server that was asked is known to be dead."""
        host, asked = source_host(case), questions(case)
        if not failed(case) or host is None or not asked or _is_away(case, host):
            return None
        told = [self._dead(case, host, each) for each in asked]
        if not all(told):
            return None
        others = self._not_asked(case, host, asked)
        servers = list(dict.fromkeys(each.server for each in asked))
        name = _container_name(case)
        shown = [f"{host.name}'s own {each}" if is_loopback(each) else each for each in servers]
        noun, verb = ("name server", "does") if len(servers) == 1 else ("name servers", "do")
        rest = f" ({', '.join(others)} behind it was not asked in time)" if others else ""
        return Finding(
            code=self.code,
            summary=f"the {noun} that {self._asker(case, name)} asks, {' and '.join(shown)}, {verb} not answer{rest}{_instead(case, host)}",
            where=Where(host=host.name, component=servers[0]),
            evidence=tuple(each for each in told[:4] if each),
            remedies=self._remedies(case, host),
            confidence=Confidence.LIKELY if others else Confidence.CERTAIN,
        )

    @staticmethod
    def _dead(case: Case, host: Host, asked: AskedServer) -> str:
        """Why this server is known to be dead, as evidence; ``""`` when that is not known."""
        if asked.answered:
            return ""
        unheard = _unheard(case, host, asked)
        if unheard:
            return unheard
        if asked.error:
            here = is_loopback(asked.server) or not has_address(host.own, asked.server)
            came = is_loopback(asked.server) or bool(left(case, asked))  # else this host may have led it elsewhere
            refused = asked.error == "ICMP port unreachable" and asked.error_from == asked.server and here and came
            at = f"{host.name}'s own {asked.server}" if is_loopback(asked.server) else asked.server
            return f"{at} refused the query: {asked.error}, frame {asked.error_frame}" if refused else ""
        point = left(case, asked)
        return (
            f"the query to {asked.server} left by {point} and no answer came: {frames(case, asked, point)}"
            if point
            else ""
        )

    @staticmethod
    def _asker(case: Case, name: str) -> str:
        embedded = case.journey is not None and case.journey.outer.flows[0].server.address in EMBEDDED_DNS
        return f"the embedded DNS server of {name}" if embedded else name

    @staticmethod
    def _not_asked(case: Case, host: Host, asked: tuple[AskedServer, ...]) -> list[str]:
        """The servers that come after those asked, by the lookup's own configuration."""
        source, place = case.source_container, case.probe.source_at if case.probe else None
        conf = host.namespace(place.container).resolv_conf if place else None
        servers = conf.nameservers if conf else ()
        if not EMBEDDED_DNS.isdisjoint(servers):
            servers = (source.dns if source else ()) or (
                host.own.resolv_conf.nameservers if host.own.resolv_conf else ()
            )
        known = {each.server for each in asked}
        return [each for each in servers if each not in known]

    @staticmethod
    def _remedies(case: Case, host: Host) -> tuple[Remedy, ...]:
        source = case.source_container
        if source is None:
            return (advise(host.name, f"name a server that answers in {host.name}'s /etc/resolv.conf"),)
        if _instead(case, host):
            return put_back(host, source)
        if source.dns:
            has = ", ".join(f"--dns {each}" for each in source.dns)
            again = recreated(source, "with a --dns that answers", "dns: [ADDRESS]")
            return (advise(host.name, f"{again}: it has {has}"),)
        return (
            advise(
                host.name, f"name a server that answers in {host.name}'s /etc/resolv.conf (nameserver ADDRESS), then:"
            ),
            *(restarted(host, case.source_container) if case.source_container else ()),
        )

    def possible(self, case: Case) -> bool:
        """Only for a failed lookup that got no answer."""
        return failed(case)


def _is_away(case: Case, host: Host) -> bool:
    """Whether the name is that of a container which does not run on the source's network: the embedded DNS server would know it, and asks nobody else."""
    source, name = case.source_container, failed_name(case)
    if source is None or name is None or in_place_of(host, source):
        return False
    return away_by_name(host, source, name) is not None


def _unheard(case: Case, host: Host, asked: AskedServer) -> str:
    """That the server is to be on one of the host's own wires, and nobody there answered for its address, as evidence; ``""`` otherwise."""
    way = route_lookup(host.own, asked.server)
    if way is None or way.local or way.via:
        return ""
    door = point_name(host.name, way.dev)
    found = unanswered(case, asked.server, at=door)
    if found is not None and door in silent_points(case):
        return asked_times(found)
    own = asked.error == "ICMP host unreachable" and has_address(host.own, asked.error_from)
    if not own or stopped(case, asked) is not None:
        return ""  # a rule's reject says the same
    return f"{host.name} itself says that {asked.server}, which is to be on {way.dev}, is not there: {asked.error}, frame {asked.error_frame}"


def _instead(case: Case, host: Host) -> str:
    """That a container which should ask the embedded DNS server does not, as somebody wrote another server into its resolv.conf; ``""`` where it does."""
    said = in_place_of(host, case.source_container) if case.source_container is not None else ""
    return f": {said}, which knows the containers' names" if said else ""


class DnsHostResolverFirewalled(Cause):
    """The container's resolver is its own host, and the host's firewall drops the query.

    What it is: the query is for an address of the host itself (a bridge's gateway address, as a rule); it passes INPUT, not FORWARD.
    Why it happens: a host firewall (ufw, firewalld) denies what comes in, Docker's own rules concern FORWARD alone.
    Evidence: the query at the host's bridge, no answer (or a reject), and the rule in its way.
    Remedy: let port 53 in from that bridge.
    Source: chaifeng/ufw-docker#63; netfilter hooks, Linux include/uapi/linux/netfilter_ipv4.h.
    """

    code = "dns-host-resolver-firewalled"
    reads = ("iptables", "nft")
    tells = "iptables-save -c on the host: rules of INPUT for port 53"
    symptoms = UNANSWERED
    needs = ("addr", "iptables")
    instead_of = frozenset({DnsUpstreamDead})

    def find(self, case: Case) -> Finding | None:
        """Fires when the query's walk ends at a rule of the own host for what is local there, and the packets came just as far."""
        found = self._met(case)
        source = case.source_container
        if found is None or source is None:
            return None
        query, at = found
        asked, obstacle, point = query.asked, query.obstacle, query.point
        device = PointName.parse(point).interface
        did = "rejects" if obstacle.rejects else "drops"
        seen = f"the query to {asked.server} was seen at {point}: {frames(case, asked, point)}"
        ended = f"answered with {asked.error}: frame {asked.error_frame}" if asked.error else "no answer came"
        return Finding(
            code=self.code,
            summary=f"{source.name}'s resolver {asked.server} is {obstacle.place.host} itself, whose firewall {did} the query ({obstacle.label})",
            where=Where(host=obstacle.place.host, component=at.component, rule=at.text),
            evidence=(seen, ended, f"{obstacle.label}: {obstacle.text}"),
            remedies=(self._remedy(case, obstacle, at, device, asked.server),),
        )

    @staticmethod
    def _remedy(case: Case, obstacle: Obstacle, rule: RuleRef, device: str, server: str) -> Remedy:
        """Questions from that bridge are accepted before the rule, in its own table."""
        theirs = by_owner(case, obstacle.place, rule, obstacle.hook, via=device, to=Endpoint(server, 53))
        if theirs is not None:
            return theirs
        host, opens = obstacle.place.host, f"this opens port 53/udp to all behind {device}; {IN_FIREWALL}"
        if rule.program is Program.NFT:
            first = ("nft", "insert", "rule", rule.family, rule.table, rule.chain, "iifname", device)
            return run(host, *first, "udp", "dport", "53", "accept", advice=opens)
        if rule.table == "filter":
            packet = ("-i", device, "-p", "udp", "--dport", "53")
            return run(host, rule.program, "-I", "INPUT", *packet, "-j", "ACCEPT", advice=opens)
        return without_rule(case, obstacle.place, rule, obstacle.undo, hook=obstacle.hook)

    def _met(self, case: Case) -> tuple[StoppedQuery, RuleRef] | None:
        host = source_host(case)
        if not failed(case) or host is None or case.source_container is None:
            return None
        for asked in questions(case):
            found = stopped(case, asked) if has_address(host.own, asked.server) else None
            if found is not None and found.obstacle.rule and found.obstacle.place == Place(host=host.name):
                return found, found.obstacle.rule
        return None

    def possible(self, case: Case) -> bool:
        """Only for a failed lookup whose resolver is the host itself, as far as that is known."""
        host = source_host(case)
        if not failed(case) or host is None:
            return failed(case)
        asked = questions(case)
        return not asked or any(has_address(host.own, each.server) for each in asked)


class DnsFallback(Cause):
    """The host's resolv.conf names loopback only, so the engine gave the container Google's servers, which do not answer from here.

    What it is: a container cannot reach its host's 127.0.0.1; the engine leaves such lines out, and where none remains it writes
        8.8.8.8 and 8.8.4.4 (containers of the default bridge on every engine, of other networks on some).
    Why it happens: a local resolver (dnsmasq, unbound) on the host, and a network that lets no DNS out.
    Evidence: the queries to 8.8.8.8, unanswered; the host's resolv.conf; no ``--dns``.
    Remedy: name a server that containers can reach: in the host's resolv.conf, by ``--dns``, or ``dns`` in daemon.json.
    Source: moby#23910; moby libnetwork/resolvconf (FilterResolvDNS, defaultIPv4Dns).
    """

    code = "dns-8888-fallback"
    looked_up = True
    reads = ("resolv-conf",)
    tells = "the container's /etc/resolv.conf"
    symptoms = UNANSWERED
    needs = ("containers", "networks", "resolv-conf")
    instead_of = frozenset({DnsUpstreamDead})

    def find(self, case: Case) -> Finding | None:
        """Fires when the servers asked are the fallback's, none by choice, and every question is known to have got nowhere."""
        host, asked = source_host(case), questions(case)
        if not failed(case) or host is None or not asked or not self._fell_back(case):
            return None
        if any(each.server not in host.engine.fallback_dns or not self._lost(case, host, each) for each in asked):
            return None
        conf = host.own.resolv_conf
        own = ", ".join(conf.nameservers) if conf and conf.nameservers else "no server"
        name = _container_name(case)
        return Finding(
            code=self.code,
            summary=f"{host.name}'s resolv.conf names {own} only, so {name} was given 8.8.8.8 and 8.8.4.4, which do not answer",
            where=Where(host=host.name, component="/etc/resolv.conf"),
            evidence=(
                *(self._evidence(case, host, each) for each in asked[:3]),
                f"/etc/resolv.conf of {host.name}: {own}; {name} has no --dns",
            ),
            remedies=(
                advise(
                    host.name,
                    f"name the server of this network in {host.name}'s /etc/resolv.conf (nameserver ADDRESS; daemon.json's dns does as well), then:",
                ),
                *(restarted(host, case.source_container) if case.source_container else ()),
            ),
        )

    @staticmethod
    def _fell_back(case: Case) -> bool:
        source, host = case.source_container, source_host(case)
        conf = host.own.resolv_conf if host else None
        if source is None or conf is None or source.dns:
            return False
        return conf.nameservers != (STUB,) and all(is_loopback(each) for each in conf.nameservers)

    @staticmethod
    def _lost(case: Case, host: Host, asked: AskedServer) -> bool:
        no_route = host.own.routes is not None and route_lookup(host.own, asked.server) is None
        return not asked.answered and bool(left(case, asked) or (asked.error and no_route))

    @staticmethod
    def _evidence(case: Case, host: Host, asked: AskedServer) -> str:
        if asked.error:
            return f"the query to {asked.server} was answered with {asked.error} by {asked.error_from}: frame {asked.error_frame}; {host.name} has no route there"
        point = left(case, asked)
        return f"the query to {asked.server} left by {point} and no answer came: {frames(case, asked, point)}"

    def possible(self, case: Case) -> bool:
        """Only for a failed lookup on such a host."""
        return failed(case) and self._fell_back(case)
