"""Connection tracking: a table that is full, an entry that is older than the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.proof.obstacle import frames_at, silent_points
from netprobe.causes.remedies.steps import IN_SYSCTL
from netprobe.forward.model import PredictedOutcome
from netprobe.model.endpoint import Endpoint
from netprobe.model.remedy import run
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import covers
from netprobe.state.lookup import has_address

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.model.remedy import Remedy
    from netprobe.state.conntrack import Tracked
    from netprobe.state.model import Host

_ENOUGH = 2  # copies of a packet that all got lost: one alone may be chance


class UdpConntrackStale(Cause):
    """A client's UDP flow to a published port is older than the port's DNAT rule: its datagrams still go past the container.

    What it is: NAT is decided by a flow's first packet. While a client goes on sending from one port (syslog, SIP, VPN), its conntrack entry lives,
        and rules that came later are not asked. Other clients are served; this one reaches docker-proxy (its source is then the bridge's address),
        or nobody. It is a note, as the probe sends from a port of its own, which has no entry: what suffers is the client named here.
    Why it happens: the client sent while the container was down or its rule was missing; engines before 23 (20.10.24) do not delete such entries.
    Evidence: the entry, before and after the probe, with the host's own address on both sides, and the DNAT rule that it should have met.
    Remedy: delete the entries of that port; the next datagram makes a new one.
    Source: moby#44742; conntrack(8); net/netfilter/nf_nat_core.c (nf_nat_inet_fn); seen in the lab. The lab brings it about by sending while the container is stopped (or its
        rule deleted) and starting it within the 30 s that an unanswered entry lives: a client that goes on sending then gets no answer without
        docker-proxy, and is served again after the remedy.
    """

    code = "udp-conntrack-stale"
    tells = "conntrack -L -p udp on the host"
    symptoms = frozenset({Symptom.OK, Symptom.DELIVERED})
    note = True

    def find(self, case: Case) -> Finding | None:
        """Fires for a published UDP port that has its DNAT rule, while conntrack holds another host's flow to it untranslated, at both moments."""
        if case.publication is None or case.transport != "udp" or case.dialled is None:
            return None
        host, container, published = case.publication
        rules, after = case.dnat_rules(host, published, container), case.after(host.name)
        if not rules or after is None or not container.running:
            return None
        then = set(map(key, _untranslated(after, *case.dialled)))
        past = [each for each in _untranslated(host, *case.dialled) if key(each) in then]
        if not past:
            return None
        clients = ", ".join(str(Endpoint(each.src, each.sport)) for each in past[:3])
        return Finding(
            code=self.code,
            summary=f"what {clients} sends to port {published.host_port} goes past {container.name}{self._to(case)}: conntrack of {host.name} knows that flow from before the DNAT rule",
            where=Where(host=host.name, component="conntrack", rule=past[0].text),
            evidence=(
                *(f"conntrack, no DNAT: {each.text}" for each in past[:3]),
                f"{rules[0].ref}: {rules[0].text}",
            ),
            remedies=tuple(_forget(host.name, each) for each in past),
        )

    @staticmethod
    def _to(case: Case) -> str:
        """Who gets it instead, as a phrase; ``""`` where processes are not known."""
        host, _, published = case.publication or (None, None, None)
        proxies = case.proxies(host, published) if host is not None and published is not None else None
        if proxies is None:
            return ""
        return (
            " (docker-proxy passes it on, with an address of its own as the source)"
            if proxies
            else " (and nobody serves it)"
        )


def _forget(host: str, entry: Tracked) -> Remedy:
    """Have conntrack forget one flow, and no other: its next datagram makes a new entry, by the rules that are there."""
    family = ("-f", "ipv6") if ":" in entry.src else ()
    ends = (
        "--orig-src",
        entry.src,
        "--orig-dst",
        entry.dst,
        "--orig-port-src",
        str(entry.sport),
        "--orig-port-dst",
        str(entry.dport),
    )
    return run(
        host,
        "conntrack",
        "-D",
        *family,
        "-p",
        "udp",
        *ends,
        advice="for good: Engine 23 and later delete such entries themselves",
    )


def key(entry: Tracked) -> tuple[str, int, str, int]:
    """Who sends to whom: the connection as its first packet came."""
    return entry.src, entry.sport, entry.dst, entry.dport


def _untranslated(host: Host, address: str, port: int) -> list[Tracked]:
    """The UDP entries to this address and port without DNAT, of clients on other hosts: those of the host and its containers may be docker-proxy's."""
    inside = [subnet for network in host.networks or () for subnet in network.subnets]
    return [
        each
        for each in host.conntrack or ()
        if (each.proto, each.dst, each.dport) == ("udp", address, port)
        and not each.translated
        and not has_address(host.own, each.src)
        and not any(covers(subnet, each.src) for subnet in inside)
    ]


class ConntrackFull(Cause):
    """The connection tracking table is full: the host drops every packet that would need a new entry.

    What it is: flows that are known go on, new ones are dropped at random moments, before every chain; the kernel logs
        ``nf_conntrack: table full, dropping packet``.
    Why it happens: many short flows, a scan or a leak, and an ``nf_conntrack_max`` that was made for less.
    Evidence: the request at the host's interface, every copy of it, and nothing behind; ``nf_conntrack_count`` has reached ``nf_conntrack_max``;
        conntrack's own ``drop`` counter, which counts each; no rule, route or setting stops it.
    Remedy: a larger ``nf_conntrack_max``; then find who fills it (``conntrack -L``).
    Source: kubernetes/kubernetes#71261; Documentation/networking/nf_conntrack-sysctl.rst; net/netfilter/nf_conntrack_core.c (early_drop, nf_conntrack_in).
        The example is built by hand, as ``nf_conntrack_max`` is the whole machine's: the fill and the counter are edited into a run whose packets were lost
        inside the host.
    """

    code = "conntrack-full"
    reads = ("sysctl", "conntrack-stat")
    tells = "the kernel's log: nf_conntrack: table full"
    beyond_state = True
    symptoms = frozenset({Symptom.SILENCE})

    def find(self, case: Case) -> Finding | None:
        """Fires when the request ended inside a host whose table is full, twice at least, conntrack counted so many drops, and nothing else stops it."""
        told, host = case.prediction, _lost_in(case)
        full = _fill(host) if host is not None else None
        if (
            told is None
            or told.outcome is not PredictedOutcome.WORKS
            or host is None
            or full is None
            or full[0] < full[1]
        ):
            return None
        if case.reply_lost or case.sent < _ENOUGH or case.first_missing not in silent_points(case):
            return None
        dropped = risen(case, host.name, "drop")
        if dropped is None or dropped[1] - dropped[0] < case.sent:
            return None
        count, most = full
        return Finding(
            code=self.code,
            summary=f"the connection tracking table of {host.name} is full ({count} of {most} entries): new connections are dropped",
            where=Where(host=host.name, component="conntrack", rule=f"net.netfilter.nf_conntrack_max = {most}"),
            evidence=(
                f"seen at {case.last_seen} ({case.sent} times) and never at {case.first_missing}: {frames_at(case, case.last_seen)}",
                f"sysctl: nf_conntrack_count = {count}, nf_conntrack_max = {most}",
                f"conntrack's drop counter: {dropped[0]} before, {dropped[1]} after",
            ),
            remedies=(
                run(
                    host.name,
                    "sysctl",
                    "-w",
                    f"net.netfilter.nf_conntrack_max={most * 2}",
                    advice=f"{IN_SYSCTL}; then find who fills it: conntrack -L | awk '{{print $5}}' | sort | uniq -c | sort -n | tail",
                ),
            ),
        )

    def possible(self, case: Case) -> bool:
        """Only for a request that was lost in a host (in any, where that was not seen) whose table is full and dropped something, or is not known."""
        if case.reply_lost or case.story.reached:
            return False
        host = _lost_in(case)
        hosts = [host] if host is not None else list(case.world.before.values())
        return not hosts or any(_may_drop(case, each) for each in hosts)


def _may_drop(case: Case, host: Host) -> bool:
    """Whether this host's table was full, and dropped something, as far as is known."""
    full, dropped = _fill(host), risen(case, host.name, "drop")
    return (full is None or full[0] >= full[1]) and (dropped is None or dropped[1] > dropped[0])


def _lost_in(case: Case) -> Host | None:
    """The host inside which it was lost: last seen and first missing at interfaces of its own."""
    ends = [each for each in case.points if each.name in {case.last_seen, case.first_missing}]
    hosts = {each.host for each in ends}
    inside = len(ends) == 2 and len(hosts) == 1 and not any(each.container for each in ends)
    return case.before(hosts.pop()) if inside else None


def _fill(host: Host) -> tuple[int, int] | None:
    """How many entries there are, and how many there may be; None unknown."""
    settings = host.sysctls or {}
    values = [settings.get(f"net.netfilter.nf_conntrack_{each}", "") for each in ("count", "max")]
    if not all(each.isascii() and each.isdecimal() and len(each) < 12 for each in values) or int(values[1]) == 0:
        return None
    return int(values[0]), int(values[1])


def risen(case: Case, host: str, name: str) -> tuple[int, int] | None:
    """One of conntrack's counters before and after the probe; None where it is not known."""
    found = [(each.conntrack_stat or {}).get(name) if each else None for each in (case.before(host), case.after(host))]
    return (found[0], found[1]) if found[0] is not None and found[1] is not None else None
