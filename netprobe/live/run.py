"""One live run, phase by phase. What was captured is kept whatever happens afterwards."""

from __future__ import annotations

import base64
import contextlib
import secrets
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.capture.plan import MAX_POINTS, Point, Tuple5, plan, proxied_to
from netprobe.capture.sniff import Captured, Sniffing
from netprobe.errors import NetprobeError
from netprobe.evidence.model import (
    Evidence,
    Limit,
    LimitKind,
    Outcome,
    Probe,
    ProbeResult,
    Proto,
    Resolution,
)
from netprobe.evidence.writer import write
from netprobe.forward.plan import itinerary, on_segment, way_back
from netprobe.hosts.session import FarError, HostLostError
from netprobe.live.dial_plan import Aim, enter_target, find_source, take_aim
from netprobe.live.naming import SilentResolver, SourceResolver
from netprobe.live.results import dns_result, probe_result
from netprobe.live.tracing import KernelTrace, marked
from netprobe.probe import craft
from netprobe.probe.plan import Dial, dial_address, host_addresses
from netprobe.probe.resolver import preferred, servers_of, uses_dns
from netprobe.state.lookup import namespace_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from netprobe.forward.plan import Itinerary
    from netprobe.live.opening import Opening
    from netprobe.live.sessions import Fleet

LEAST_SECONDS = 0.2
LOOKED_UP = {Resolution.HOSTS_FILE, Resolution.EMBEDDED_DNS, Resolution.UPSTREAM_DNS, Resolution.FAILED}


class Run:
    """One question on its way to evidence."""

    def __init__(self, opening: Opening, progress: Callable[[str], None], meanwhile: Callable[[], None]) -> None:
        self.opening = opening
        self.question, self.target, self.source = opening.question, opening.target, opening.source
        self.progress = progress
        self.meanwhile = meanwhile
        self.tag = secrets.token_hex(8)
        self.timing: dict[str, float] = {}
        self.sniffing: Sniffing | None = None
        self.captured: Captured | None = None
        self.tracing: KernelTrace | None = None
        self.known: Tuple5 | None = None
        self.probe: Probe | None = None
        self.involved: tuple[str, ...] = ()
        self.limits: list[Limit] = []
        self.port = 0

    def observe(self, fleet: Fleet, begin: float) -> bytes:
        """Run it with hosts that were reached from `begin` (perf_counter) on. Raises as :func:`netprobe.live.explain` does."""
        self.timing["start"] = _ms_since(begin)
        try:
            self._observe(fleet)
        except (NetprobeError, KeyboardInterrupt) as fault:
            vars(fault)["evidence"] = self._rest(fleet)
            raise
        return write(self._evidence(fleet))

    def _observe(self, fleet: Fleet) -> None:
        self._craft_ahead()
        with self._phase("engines", "reading addresses, routes and containers"):
            fleet.survey(self._wanted())
            place = find_source(fleet, self.source)
        with self._phase("names", "finding the target"):
            resolver = SilentResolver if self.question.predict else SourceResolver
            aim = take_aim(fleet, place, self.target, resolver(fleet, place, secrets.randbelow(0x10000)))
            enter_target(fleet, aim.target_at)
        if self.question.predict:
            with self._phase("state", "reading the hosts' state"):
                self._read_only(fleet, aim)
            return
        with self._phase("state", "reading the hosts' state"):
            self._prepare(fleet, aim)
        if self.tracing is not None:
            with self._phase("trace", "having the kernel trace the probe"):
                self.tracing.start()
        with self._phase("probe", f"probing {self.target.text}"):
            threading.Thread(target=self.meanwhile, daemon=True).start()
            self._ask(fleet, aim)
        with self._phase("stop", "waiting for late packets"):
            self._stop()
            if self.tracing is not None:
                self.tracing.stop()
        with self._phase("state-after", "reading the state again"):
            fleet.collect_after(self.involved)
            self._note_ended(fleet, aim)

    @contextlib.contextmanager
    def _phase(self, name: str, shown: str) -> Iterator[None]:
        self.progress(shown)
        begin = time.perf_counter()
        yield
        self.timing[name] = _ms_since(begin)

    def _wanted(self) -> frozenset[str]:
        """Return what chooses the containers to look at on a host with very many."""
        texts = (self.source.name, self.target.name, self.target.address, self.target.port)
        return frozenset(str(text) for text in texts if text)

    def _craft_ahead(self) -> None:
        """Import scapy while the hosts answer, where it will be needed."""
        from_container = self.source.name not in self.opening.inventory.hosts
        if self.target.proto in (Proto.ICMP, Proto.DNS) or (self.target.name and from_container):
            threading.Thread(target=craft.dns_query, args=(1, "a", "A"), daemon=True).start()

    def _involve(self, fleet: Fleet, aim: Aim) -> list[Itinerary]:
        """Find the ways, enter every namespace on them, and note which hosts they pass."""
        self.probe = self._question(aim)
        source = aim.source_at
        for stop in [stop for way in self._ways(fleet, aim) for stop in way.stops]:
            enter_target(fleet, stop.place)  # whoever else stands in the way: another container may publish that port
        ways = self._ways(fleet, aim)
        hosts = [source.host, *(stop.place.host for way in ways for stop in way.stops)]
        hosts += [aim.target_at.host] if aim.target_at is not None else []
        hosts += on_segment(fleet.hosts(), source, aim.dial.address if aim.dial else None)
        self.involved = tuple(name for name in dict.fromkeys(hosts) if not fleet.members[name].host_fault)
        return ways

    def _read_only(self, fleet: Fleet, aim: Aim) -> None:
        """Read the state of every host on the way, and nothing else."""
        self._involve(fleet, aim)
        for request in fleet.ask_rest(self.involved):
            request.receive()

    def _prepare(self, fleet: Fleet, aim: Aim) -> None:
        """Bind the probe's socket, choose the points, start the sniffers, and read the state before the probe meanwhile."""
        ways = self._involve(fleet, aim)
        asked = fleet.ask_rest(self.involved)
        with contextlib.suppress(HostLostError, FarError):  # then the probe fails in the same way, and is recorded
            self._bind(fleet, aim)
        if aim.target_at is not None:
            fleet.learn_proxies(aim.target_at.host)
        points = self._points(fleet, aim, ways)
        sessions = {host: fleet.session(host) for host in self.involved}
        if self.question.trace and self.known is not None:
            whose = marked(fleet, aim, self.known, craft.identifier(self.tag))
            self.tracing = KernelTrace(fleet, self.involved, whose, self.tag, self.opening.life_seconds)
        self.sniffing = Sniffing(sessions, points, self.opening.life_seconds)
        self.sniffing.start()
        for request in asked:
            request.receive()
        self.sniffing.wait()
        self.sniffing.follow()

    def _question(self, aim: Aim) -> Probe:
        dial = aim.dial
        return Probe(
            target=self.question.target,
            source=self.question.source,
            proto=self.target.proto,
            source_at=aim.source_at,
            target_at=aim.target_at,
            target_address=dial.target_address if dial else None,
            target_port=dial.target_port if dial else self.target.port,
            dialled=dial.address if dial else None,
            dialled_port=dial.port if dial else None,
            way=dial.way if dial else "",
            lookup=aim.lookup,
            size=self.question.size,
            timeout_s=self.question.timeout_s,
            tag="" if self.question.predict else self.tag,
            predict=self.question.predict,
        )

    def _ways(self, fleet: Fleet, aim: Aim) -> list[Itinerary]:
        """Return the ways to sniff along: the probe's own, then that of its name lookup."""
        hosts, ways, dial = fleet.hosts(), [], aim.dial
        if dial is not None:
            ways.append(itinerary(hosts, aim.source_at, dial.address, dial.port, self.target.transport, aim.target_at))
            ways += way_back(hosts, aim.source_at, dial.address, ways[0].arrives)
        if self._looks_up(aim) and self.target.proto is not Proto.DNS:
            namespace = namespace_of(hosts, aim.source_at)
            server = servers_of(namespace.resolv_conf if namespace is not None else None)[0]
            ways.append(itinerary(hosts, aim.source_at, server, 53, "udp"))
        return ways

    def _looks_up(self, aim: Aim) -> bool:
        return self.target.proto is Proto.DNS or (aim.lookup.how in LOOKED_UP and uses_dns(aim.lookup))

    def _bind(self, fleet: Fleet, aim: Aim) -> None:
        if self.target.proto is Proto.DNS:
            return
        address = aim.dial.address if aim.dial else "0.0.0.0"  # noqa: S104 - no address is known yet
        session = fleet.session(aim.source_at.host)
        answer = session.within(aim.source_at.container, "bind", proto=str(self.target.proto), address=address)
        self.port = int(answer["port"])

    def _points(self, fleet: Fleet, aim: Aim, ways: list[Itinerary]) -> tuple[Point, ...]:
        hosts, dial = fleet.hosts(), aim.dial
        ends: list[tuple[str, int]] = []
        if dial is not None and dial.port is not None:
            if dial.target_address is not None and dial.target_port is not None:
                ends.append((dial.target_address, dial.target_port))
            far = aim.target_at.host if aim.target_at is not None else None
            ends += proxied_to(hosts, far, dial.address, dial.port, self.target.transport)
        self.known = Tuple5(
            transport=self.target.transport,
            source_port=self.port or None,
            dialled=dial.address if dial else None,
            port=dial.port if dial else None,
            ends=tuple(ends),
            source_hosts=tuple(host_addresses(hosts[aim.source_at.host]))
            if aim.source_at.container is not None
            else (),
            looks_up=self._looks_up(aim),
        )
        points = plan(hosts, aim.source_at, aim.target_at, ways, self.known)
        if len(points) == MAX_POINTS:
            self.limits.append(
                Limit(
                    kind=LimitKind.POINT,
                    subject=aim.source_at.host,
                    why=f"no more than {MAX_POINTS} points are sniffed",
                )
            )
        return tuple(point for point in points if point.place.host in self.involved)

    def _ask(self, fleet: Fleet, aim: Aim) -> None:
        """Look the name up once more, now that it is watched, and send the probe."""
        assert self.probe is not None  # noqa: S101 - _prepare comes first
        begin = time.monotonic()
        resolver = SourceResolver(fleet, aim.source_at, int(self.tag[:4], 16))
        if self.target.proto is Proto.DNS:
            lookup = resolver.query(self.target.name, self.question.timeout_s)
            self.probe = replace(self.probe, lookup=lookup, result=dns_result(lookup, resolver))
            return
        if aim.lookup.how in LOOKED_UP:
            self._look_up_again(fleet, aim, resolver)
        if self.probe.dialled is None:
            detail = self.probe.lookup.steps[-1] if self.probe.lookup.steps else ""
            self.probe = replace(self.probe, result=ProbeResult(outcome=Outcome.NO_NAME, detail=detail))
            return
        left = max(self.question.timeout_s - (time.monotonic() - begin), LEAST_SECONDS)
        self.probe = replace(self.probe, result=self._go(fleet, self.probe, left))

    def _look_up_again(self, fleet: Fleet, aim: Aim, resolver: SourceResolver) -> None:
        assert self.probe is not None  # noqa: S101 - _prepare comes first
        lookup = resolver.resolve(self.target.name, self.question.timeout_s)
        self.probe = replace(self.probe, lookup=lookup)
        if self.probe.dialled in lookup.addresses:
            return
        address = preferred(lookup)
        dial: Dial | None = None
        if address is not None:
            dial = dial_address(fleet.hosts(), aim.source_at, address, self.target.port, self.target.transport)
        meant = self.probe.target_at if dial is None else dial.target_at
        self.probe = replace(self._question(replace(aim, dial=dial, meant=meant, lookup=lookup)))

    def _go(self, fleet: Fleet, probe: Probe, seconds: float) -> ProbeResult:
        assert probe.dialled is not None  # noqa: S101 - checked by the caller
        try:
            answer = fleet.session(probe.source_at.host).within(
                probe.source_at.container,
                "go",
                seconds + 3.0,
                proto=str(probe.proto),
                address=probe.dialled,
                port=probe.dialled_port,
                seconds=seconds,
                ident=craft.identifier(self.tag),
                payload=base64.b64encode(self._payload(probe.dialled)).decode(),
            )
        except (HostLostError, FarError) as error:
            why = str(error).removeprefix(f"{probe.source_at.host}: ")
            self.limits.append(Limit(kind=LimitKind.PROBE, subject=str(probe.source_at), why=f"the prober: {why}"))
            return ProbeResult(outcome=Outcome.BROKEN, detail=str(error))
        return probe_result(answer)

    def _payload(self, dialled: str) -> bytes:
        target, size = self.target, self.question.size
        if target.proto is Proto.UDP:
            return craft.datagram(self.tag)
        if target.proto is Proto.ICMP:
            return craft.echo_request(self.tag, size, 6 if ":" in dialled else 4)
        if target.proto is Proto.HTTP:
            return craft.http_request(self.tag, target.name or dialled, target.port or 80, target.path, size)
        return b""

    def _stop(self) -> None:
        if self.sniffing is not None and self.captured is None:
            self.captured = self.sniffing.stop()

    def _note_ended(self, fleet: Fleet, aim: Aim) -> None:
        """Say which of the containers in question did not live through the probe as it was."""
        for place in dict.fromkeys(filter(None, (aim.source_at, aim.target_at))):
            member = fleet.members[place.host]
            if place.container is None or place.container not in member.entered:
                continue
            now = fleet.container_after(place)
            if now is not None and not fleet.lives(place):
                why = f"it ended or was restarted during the probe (now {now.state})"
                self.limits.append(Limit(kind=LimitKind.PROBE, subject=str(place), why=why))

    def _evidence(self, fleet: Fleet) -> Evidence:
        captured = self.captured or Captured()
        return Evidence(
            probe=replace(self.probe, timing_ms=dict(self.timing)) if self.probe is not None else None,
            points=captured.points,
            packets=captured.packets,
            before=tuple(fleet.members[host].before.state() for host in self.involved),
            after=tuple(
                fleet.members[host].after.state() for host in self.involved if fleet.members[host].after.outputs
            ),
            limits=tuple(dict.fromkeys((*captured.limits, *fleet.limits(self.involved), *self.limits))),
        )

    def _rest(self, fleet: Fleet) -> bytes | None:
        """Return what was captured before a fault, None when nothing was."""
        if self.sniffing is None or self.probe is None:
            return None
        with contextlib.suppress(NetprobeError):
            self._stop()
        if self.captured is None or not len(self.captured.packets):
            return None
        return write(self._evidence(fleet))


def _ms_since(begin: float) -> float:
    return round((time.perf_counter() - begin) * 1000, 1)
