"""The hosts that a question concerns: those that the ways of its packets pass, each asked for its state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import Proto, Resolution
from netprobe.forward import Request
from netprobe.forward.elsewhere import leads_elsewhere
from netprobe.forward.plan import Itinerary, itinerary, on_segment, way_back
from netprobe.live.dial_plan import enter_target, meant_by_localhost
from netprobe.probe.resolver import servers_of, uses_dns
from netprobe.state.lookup import namespace_of

if TYPE_CHECKING:
    from netprobe.live.dial_plan import DialPlan
    from netprobe.live.sessions import HostSessions
    from netprobe.probe.target import Target

LOOKED_UP = {Resolution.HOSTS_FILE, Resolution.EMBEDDED_DNS, Resolution.UPSTREAM_DNS, Resolution.FAILED}


class Involved:
    """The hosts of one question, by name, as they become known: the source's first, then along the ways."""

    def __init__(self, sessions: HostSessions, target: Target) -> None:
        self.sessions = sessions
        self.target = target
        self.hosts: tuple[str, ...] = ()

    def find(self, plan: DialPlan) -> list[Itinerary]:
        """Find the ways, enter every namespace on them, and note which hosts they pass."""
        sessions, source, dialled = self.sessions, plan.source_at, plan.dial.address if plan.dial else None
        for stop in [stop for way in self._ways(plan) for stop in way.stops]:
            # whoever else stands in the way: another container may publish that port
            enter_target(sessions, stop.place)
        for near in meant_by_localhost(sessions.hosts(), source, dialled):
            enter_target(sessions, near)
        ways = self._ways(plan)
        hosts = [source.host, *(stop.place.host for way in ways for stop in way.stops)]
        hosts += [plan.target_at.host] if plan.target_at is not None else []
        hosts += on_segment(sessions.hosts(), source, dialled)
        self.hosts = tuple(name for name in dict.fromkeys(hosts) if not sessions.by_name[name].host_fault)
        return ways

    def read_only(self, plan: DialPlan) -> None:
        """Read the state of every host on the way, and nothing else."""
        self.find(plan)
        self._read()
        self.follow_rules(plan)
        self.sessions.receive_words(self.hosts)

    def ask(self) -> None:
        """Ask each for the rest of its state; :meth:`receive` has the answers."""
        for host in self.hosts:
            self.sessions.ask_rest(host)

    def receive(self) -> None:
        """Wait for what was asked."""
        self.sessions.receive_rest(self.hosts)

    def _read(self) -> None:
        self.ask()
        self.receive()

    def follow_rules(self, plan: DialPlan) -> list[Itinerary]:
        """Find the ways anew where rules of others than the engine may lead elsewhere, and read the state of whoever stands there; none, where none may."""
        ways: list[Itinerary] = []
        followed: tuple[str, ...] = ()
        while followed != self.hosts and len(followed) < len(self.sessions.by_name):
            hosts = self.sessions.hosts()
            if not any(leads_elsewhere(hosts[name]) for name in self.hosts if name not in followed):
                break
            followed = self.hosts
            ways = self.find(plan)
            self.hosts = tuple(dict.fromkeys((*followed, *self.hosts)))
            self._read()
        return ways

    def _ways(self, plan: DialPlan) -> list[Itinerary]:
        """Return the ways to sniff along: the probe's own, then that of its name lookup."""
        hosts, ways, dial = self.sessions.hosts(), [], plan.dial
        if dial is not None:
            request = Request(source=plan.source_at, dialled=dial.address, port=dial.port, proto=self.target.transport)
            ways.append(itinerary(hosts, request, plan.target_at, answers=True))
            ways += [Itinerary(stops=ways[0].back)] if ways[0].back else []
            ways += way_back(hosts, request, ways[0].arrives)
        if looks_up(self.target, plan) and self.target.proto is not Proto.DNS:
            namespace = namespace_of(hosts, plan.source_at)
            server = servers_of(namespace.resolv_conf if namespace is not None else None)[0]
            ways.append(itinerary(hosts, Request(source=plan.source_at, dialled=server, port=53, proto="udp")))
        return ways


def looks_up(target: Target, plan: DialPlan) -> bool:
    """Whether a name server will be asked while the probe is watched."""
    return target.proto is Proto.DNS or (plan.lookup.how in LOOKED_UP and uses_dns(plan.lookup))
