"""A name lookup as the source itself would do it: its hosts file, then its name servers (resolv.conf(5)).

Pure but for the one function that asks a server, which the caller hands in.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from netprobe.evidence.model import Lookup, Resolution
from netprobe.probe.craft import is_dns_name
from netprobe.state.engine import EMBEDDED_DNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from netprobe.decode.dns import DnsMessage
    from netprobe.state.names import HostsFile, ResolvConf

    Ask = Callable[[str, str, str], DnsMessage | str]
    """(server, name, "A" or "AAAA") -> the reply, or why there is none."""

MAX_SERVERS = 3  # MAXNS of glibc's resolv.h
MAX_SEARCH = 6
BOTH = ("A", "AAAA")
DEFAULT_SERVER = "127.0.0.1"  # resolv.conf(5): when no nameserver is given


def servers_of(conf: ResolvConf | None) -> tuple[str, ...]:
    """Return the name servers that are asked, in order."""
    return (conf.nameservers[:MAX_SERVERS] if conf else ()) or (DEFAULT_SERVER,)


def of_family(addresses: Iterable[str], six: bool | None) -> tuple[str, ...]:
    """Return the addresses of one IP version: True for IPv6, False for IPv4, None for both."""
    return tuple(each for each in addresses if six is None or six is (":" in each))


def not_in_file(name: str, lines: Iterable[str], six: bool | None) -> str:
    """Return what is said of a hosts file that does not give a name an address, although it may give one of the other IP version."""
    other = ", ".join(lines)
    return (
        f"/etc/hosts: {name} is {other}, no IPv{6 if six else 4} address"
        if other
        else f"/etc/hosts: no line for {name!r}"
    )


def candidates(name: str, conf: ResolvConf | None) -> Iterator[str]:
    """Give the names to ask for, in order: the search list comes first for names with fewer dots than ``ndots``."""
    search = conf.search[:MAX_SEARCH] if conf else ()
    if name.endswith(".") or not search:
        yield name.rstrip(".")
        return
    longer = [f"{name}.{domain.strip('.')}" for domain in search if domain.strip(".")]
    as_it_is_first = name.count(".") >= (conf.ndots if conf else 1)
    yield from [name, *longer] if as_it_is_first else [*longer, name]


@dataclass(slots=True)
class _Walk:
    """A lookup under way."""

    name: str
    ask: Ask
    servers: tuple[str, ...]
    kinds: tuple[str, ...] = BOTH
    steps: list[str] = field(default_factory=list)
    server: str | None = None
    rcode: str | None = None

    def addresses(self, name: str) -> tuple[str, ...]:
        """Ask for IPv4, then for IPv6 when there is none (or for the one that is wanted). ``rcode`` is what came for this name; None too where the second question got no answer."""
        for kind in self.kinds:
            self.rcode = None
            reply = self.reply(name, kind)
            if reply is None:
                return ()
            found = tuple(dict.fromkeys(text for _, type_, text in reply.answers if type_ == kind))
            if found or reply.rcode != "NOERROR":
                return found
        return ()

    def reply(self, name: str, kind: str) -> DnsMessage | None:
        """Ask one server after the other until one gives an answer that counts (SERVFAIL and REFUSED do not)."""
        for server in self.servers:
            answer = self.ask(server, name, kind)
            if isinstance(answer, str):
                self.steps.append(f"{server}: {name}. {kind}: {answer}")
                self.server = self.server or server
                continue
            texts = [text for _, type_, text in answer.answers if type_ in (kind, "CNAME")]
            said = ", ".join(texts) if texts else answer.rcode if answer.rcode != "NOERROR" else "no such record"
            self.steps.append(f"{server}: {name}. {kind} {said}")
            self.server, self.rcode = server, answer.rcode
            if answer.rcode in ("NOERROR", "NXDOMAIN"):
                return answer
        return None


def resolve(
    name: str, hosts_file: HostsFile | None, conf: ResolvConf | None, ask: Ask, six: bool | None = None
) -> Lookup:
    """Look a name up. ``how`` is FAILED when that gave no address; ``six``: only IPv6 (False: only IPv4) addresses count, and are asked for."""
    steps = []
    if hosts_file is None:
        steps.append("/etc/hosts: could not be read")
    else:
        lines = hosts_file.lookup(name)
        found = of_family(lines, six)
        if found:
            steps.append(f"/etc/hosts: {name} is {', '.join(found)}")
            return Lookup(name=name, how=Resolution.HOSTS_FILE, addresses=found, steps=tuple(steps))
        steps.append(not_in_file(name, lines, six))
    if not is_dns_name(name):
        return Lookup(name=name, how=Resolution.FAILED, steps=(*steps, f"{name!r} is not a DNS name"))
    return query(name, conf, ask, steps, kinds=BOTH if six is None else ("AAAA",) if six else ("A",))


def query(
    name: str,
    conf: ResolvConf | None,
    ask: Ask,
    steps: list[str] | None = None,
    *,
    six: bool | None = None,
    kinds: tuple[str, ...] = BOTH,
) -> Lookup:
    """Ask the name servers alone: for records of these kinds, one after the other until one is there; ``six``: only the servers of that IP version."""
    walk = _Walk(name=name, ask=ask, servers=of_family(servers_of(conf), six), kinds=kinds, steps=steps or [])
    found: tuple[str, ...] = ()
    answered = ""
    rcodes: dict[str, str | None] = {}
    for candidate in candidates(name, conf):
        if is_dns_name(candidate):
            found = walk.addresses(candidate)
            rcodes[candidate] = walk.rcode
        if found:
            answered = candidate if candidate != name.rstrip(".") else ""
            break
    embedded = walk.server in EMBEDDED_DNS
    how = (Resolution.EMBEDDED_DNS if embedded else Resolution.UPSTREAM_DNS) if found else Resolution.FAILED
    return Lookup(
        name=name,
        how=how,
        addresses=found,
        server=walk.server,
        rcode=walk.rcode if found else _rcode_of(name.rstrip("."), rcodes),
        steps=tuple(walk.steps),
        answered=answered,
    )


def _rcode_of(name: str, rcodes: dict[str, str | None]) -> str | None:
    """What a lookup in vain came to (res_search() of glibc): one of the names exists (NOERROR without data), else what came for the name as it is."""
    if "NOERROR" in rcodes.values():
        return "NOERROR"
    return rcodes.get(name, next(reversed(rcodes.values()), None))


def with_wildcard(lookup: Lookup, label: str, ask: Ask) -> Lookup:
    """Tell whether the search domain that answered a name answers every name so: ask it for one that nobody has.

    Args:
        lookup: as it went; it is returned as it is where no search domain answered.
        label: a label that nobody has.
        ask: asks a server.
    """
    name = (lookup.name or "").rstrip(".")
    if not lookup.answered or not lookup.server:
        return lookup
    nobody = f"{label}.{lookup.answered[len(name) + 1 :]}"
    kind = "AAAA" if all(":" in each for each in lookup.addresses) else "A"
    reply = ask(lookup.server, nobody, kind) if is_dns_name(nobody) else "no DNS name"
    if isinstance(reply, str) or reply.rcode not in ("NOERROR", "NXDOMAIN"):
        return lookup
    found = {text for _, type_, text in reply.answers if type_ == kind}
    wild = bool(found & set(lookup.addresses))
    said = ", ".join(sorted(found)) if found else reply.rcode if reply.rcode != "NOERROR" else "no such record"
    step = f"{lookup.server}: {nobody}. {kind} {said} (a name that nobody has)"
    return replace(lookup, wildcard=wild, steps=(*lookup.steps, step))


def uses_dns(lookup: Lookup) -> bool:
    """Tell whether the lookup asked a name server."""
    return lookup.server is not None


def preferred(lookup: Lookup) -> str | None:
    """Return the address to dial: the first IPv4 one, else the first."""
    four = [address for address in lookup.addresses if ":" not in address]
    return next(iter(four or lookup.addresses), None)
