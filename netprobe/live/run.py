"""One live run, phase by phase. What was captured is kept whatever happens afterwards."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.errors import NetprobeError
from netprobe.evidence.model import Evidence, Limit, LimitKind, Outcome, Probe, ProbeResult, Proto
from netprobe.evidence.packets import Packets
from netprobe.hosts.session import HostLostError, RemoteError
from netprobe.live.dial_plan import DialPlan, enter_target, find_source, make_dial_plan, may_look_up
from netprobe.live.involved import LOOKED_UP, Involved
from netprobe.live.naming import SilentResolver, SourceResolver
from netprobe.probe import craft
from netprobe.probe.plan import Dial, dial_address
from netprobe.probe.resolver import preferred

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from netprobe.capture.join import Captured
    from netprobe.capture.plan import Point, Tuple5
    from netprobe.capture.sniff import Sniffing
    from netprobe.forward.plan import Itinerary
    from netprobe.hosts.session import Session
    from netprobe.live.host_session import After
    from netprobe.live.opening import Opening
    from netprobe.live.sessions import HostSessions
    from netprobe.live.tracing import KernelTrace
    from netprobe.state.model import Host

LEAST_SECONDS = 0.2
WILDCARD_SECONDS = 1.0


class Run:
    """One question on its way to evidence."""

    def __init__(self, opening: Opening, progress: Callable[[str], None], meanwhile: Callable[[], None]) -> None:
        self.opening = opening
        self.question, self.target, self.source = opening.question, opening.target, opening.source
        self.progress = progress
        self.meanwhile = meanwhile
        self.tag = os.urandom(8).hex()
        self.timing: dict[str, float] = {}
        self.sniffing: Sniffing | None = None
        self.captured: Captured | None = None
        self.tracing: KernelTrace | None = None
        self.known: Tuple5 | None = None
        self.probe: Probe | None = None
        self.concerned: Involved | None = None
        self.limits: list[Limit] = []
        self.said: tuple[str, ...] = ()
        self.port = 0

    @property
    def involved(self) -> tuple[str, ...]:
        """The names of the hosts on the ways that are known so far."""
        return self.concerned.hosts if self.concerned is not None else ()

    def observe(self, sessions: HostSessions, begin: float) -> Evidence:
        """Run it with hosts that were reached from `begin` (perf_counter) on. Raises as :func:`netprobe.live.observe` does."""
        self.timing["start"] = _ms_since(begin)
        try:
            self._observe(sessions)
        except (NetprobeError, KeyboardInterrupt) as fault:
            vars(fault)["evidence"] = self._rest(sessions)
            raise
        evidence = self._evidence(sessions)
        sessions.end_input()  # they end while the evidence is written
        return evidence

    def _observe(self, sessions: HostSessions) -> None:
        self._import_ahead()
        with self._phase("engines", "reading addresses, routes and containers"):
            if self.question.predict:
                threading.Thread(target=self.meanwhile, daemon=True).start()
            sessions.survey(self.opening.wanted)
            asker = find_source(sessions, self.source)
            place = asker.place
            if self.question.predict or not may_look_up(sessions.hosts(), place, self.target):
                sessions.ask_rest(place.host)  # else the look-up's own packets would count between the two states
        with self._phase("names", "finding the target"):
            resolver = SilentResolver if self.question.predict else SourceResolver
            plan = make_dial_plan(
                sessions, asker, self.target, resolver(sessions, place, int(self.tag[4:8], 16), six=self.target.six)
            )
            self.said = tuple(filter(None, (asker.said, plan.said, self.target.family_said)))
            if plan.target_at is not None:
                sessions.ask_rest(plan.target_at.host)
            enter_target(sessions, plan.target_at)
        if self.question.predict:
            with self._phase("state", "reading the hosts' state"):
                self.probe = self._probe_of(plan)
                self.concerned = Involved(sessions, self.target)
                self.concerned.read_only(plan)
            return
        with self._phase("state", "reading the hosts' state"):
            self._prepare(sessions, plan)
        if self.tracing is not None:
            with self._phase("trace", "having the kernel trace the probe"):
                self.tracing.start()
        with self._phase("probe", f"probing {self.target.text}"):
            threading.Thread(target=self._get_ready, args=(sessions.hosts(),), daemon=True).start()
            self._ask(sessions, plan)
        with self._phase("stop", "waiting for late packets"):
            asked = self._end(sessions)
        with self._phase("state-after", "reading the state again"):
            for each in asked:
                each.receive()
            self._note_ended(sessions, plan)

    def _end(self, sessions: HostSessions) -> tuple[After, After]:
        """Wait until all is quiet, and end sniffing; the state is asked for again meanwhile, but after a trace: its table is no part of it."""
        assert self.sniffing is not None  # noqa: S101 - _prepare comes first
        self.sniffing.ask_for_quiet()
        at_end = sessions.ask_at_end(self.involved)
        self.sniffing.wait_for_quiet()
        after = sessions.ask_after(self.involved) if self.tracing is None else None
        self._stop()
        if self.tracing is not None:
            self.tracing.stop()
        return at_end, after or sessions.ask_after(self.involved)

    @contextlib.contextmanager
    def _phase(self, name: str, shown: str) -> Iterator[None]:
        self.progress(shown)
        begin = time.perf_counter()
        yield
        self.timing[name] = _ms_since(begin)

    def _import_ahead(self) -> None:
        """Import what sending and sniffing take while the hosts answer; scapy, where it will be needed, in a thread of its own."""
        if self.question.predict:
            return
        from netprobe.capture import plan, sniff  # noqa: F401
        from netprobe.live import sending, tracing, watched  # noqa: F401

        from_container = self.source.name not in self.opening.inventory.hosts
        if self.target.proto in (Proto.ICMP, Proto.DNS) or (self.target.name and from_container):
            threading.Thread(target=craft.dns_query, args=(1, "a", "A"), daemon=True).start()

    def _get_ready(self, hosts: Mapping[str, Host]) -> None:
        """While the probe waits for answers: import what comes after it, and try the walk that a report is held against, which prepares much of that."""
        from netprobe.capture import join  # noqa: F401
        from netprobe.forward.question import predict_probe

        self.meanwhile()
        with contextlib.suppress(Exception):  # whatever is wrong with it will be said by the analysis
            predict_probe(self.probe, hosts)

    def _prepare(self, sessions: HostSessions, plan: DialPlan) -> None:
        """Bind the probe's socket, choose the points, start the sniffers, and read the state before the probe meanwhile."""
        from netprobe.capture.sniff import Sniffing
        from netprobe.live.tracing import KernelTrace, marked

        self.probe = self._probe_of(plan)
        self.concerned = involved = Involved(sessions, self.target)
        ways = involved.find(plan)
        involved.ask()
        with contextlib.suppress(HostLostError, RemoteError):  # then the probe fails in the same way, and is recorded
            self._bind(sessions, plan)
        if plan.target_at is not None:
            sessions.learn_proxies(plan.target_at.host)
        points = self._points(sessions, plan, ways)
        self.sniffing = Sniffing(self._opened(sessions), points, self.opening.life_seconds)
        self.sniffing.start()
        involved.receive()
        ways = involved.follow_rules(plan)
        if ways:  # the first sniffers get ready meanwhile
            known = {point.name for point in points}
            more = tuple(point for point in self._points(sessions, plan, ways) if point.name not in known)
            self.sniffing.add(self._opened(sessions), more)
        if self.question.trace and self.known is not None:
            whose = marked(sessions, plan, self.known, craft.identifier(self.tag))
            self.tracing = KernelTrace(sessions, self.involved, whose, self.tag, self.opening.life_seconds)
        self.sniffing.wait()
        self.sniffing.follow()

    def _opened(self, sessions: HostSessions) -> dict[str, Session]:
        return {host: sessions.session(host) for host in self.involved}

    def _points(self, sessions: HostSessions, plan: DialPlan, ways: list[Itinerary]) -> tuple[Point, ...]:
        """Choose where to sniff along the ways; more than can be sniffed is a limit of the evidence."""
        from netprobe.capture.plan import MAX_POINTS, choose_points
        from netprobe.live.watched import known_of

        hosts = sessions.hosts()
        self.known = known_of(hosts, plan, self.target, self.port)
        points = choose_points(hosts, plan.source_at, plan.target_at, ways, self.known)
        if len(points) == MAX_POINTS:
            why = f"no more than {MAX_POINTS} points are sniffed"
            self.limits.append(Limit(kind=LimitKind.POINT, subject=plan.source_at.host, why=why))
        return tuple(point for point in points if point.place.host in self.involved)

    def _probe_of(self, plan: DialPlan) -> Probe:
        dial = plan.dial
        return Probe(
            target=self.question.target,
            source=self.source.text,
            proto=self.target.proto,
            source_at=plan.source_at,
            target_at=plan.target_at,
            target_address=dial.target_address if dial else None,
            target_port=dial.target_port if dial else self.target.port,
            dialled=dial.address if dial else None,
            dialled_port=dial.port if dial else None,
            way="; ".join(filter(None, (*self.said, dial.way if dial else ""))),
            lookup=plan.lookup,
            size=self.question.size,
            timeout_s=self.question.timeout_s,
            tag="" if self.question.predict else self.tag,
            predict=self.question.predict,
            fail=self.question.fail,
        )

    def _bind(self, sessions: HostSessions, plan: DialPlan) -> None:
        if self.target.proto is Proto.DNS:
            return
        address = plan.dial.address if plan.dial else "0.0.0.0"  # noqa: S104 - no address is known yet
        session = sessions.session(plan.source_at.host)
        answer = session.within(plan.source_at.container, "bind", proto=str(self.target.proto), address=address)
        self.port = int(answer["port"])

    def _ask(self, sessions: HostSessions, plan: DialPlan) -> None:
        """Look the name up once more, now that it is watched, and send the probe."""
        from netprobe.live.results import dns_result

        assert self.probe is not None  # noqa: S101 - _prepare comes first
        begin = time.monotonic()
        resolver = SourceResolver(sessions, plan.source_at, int(self.tag[:4], 16), six=self.target.six)
        if self.target.proto is Proto.DNS:
            lookup = resolver.query(self.target.name, self.question.timeout_s)
            self.probe = replace(self.probe, lookup=lookup, result=dns_result(lookup, resolver))
            self._check_wildcard(plan, resolver)
            return
        if plan.lookup.how in LOOKED_UP:
            self._look_up_again(sessions, plan, resolver)
        if self.probe.dialled is None:
            detail = self.probe.lookup.steps[-1] if self.probe.lookup.steps else ""
            self.probe = replace(self.probe, result=ProbeResult(outcome=Outcome.NO_NAME, detail=detail))
            return
        left = max(self.question.timeout_s - (time.monotonic() - begin), LEAST_SECONDS)
        self.probe = replace(self.probe, result=self._go(sessions, self.probe, self.probe.dialled, left))
        self._check_wildcard(plan, resolver)

    def _check_wildcard(self, plan: DialPlan, resolver: SourceResolver) -> None:
        """Where a search domain answered for a container: does it answer any name so? Asked last, as the answer changes nothing of the probe."""
        if self.probe is not None and plan.source_at.container is not None:
            checked = resolver.check_wildcard(self.probe.lookup, f"netprobe-{self.tag}", WILDCARD_SECONDS)
            self.probe = replace(self.probe, lookup=checked)

    def _look_up_again(self, sessions: HostSessions, plan: DialPlan, resolver: SourceResolver) -> None:
        assert self.probe is not None  # noqa: S101 - _prepare comes first
        lookup = resolver.resolve(self.target.name, self.question.timeout_s)
        self.probe = replace(self.probe, lookup=lookup)
        if self.probe.dialled in lookup.addresses:
            return
        address = preferred(lookup)
        dial: Dial | None = None
        if address is not None:
            dial = dial_address(sessions.hosts(), plan.source_at, address, self.target.port, self.target.transport)
        meant = self.probe.target_at if dial is None else dial.target_at
        self.probe = replace(self._probe_of(replace(plan, dial=dial, meant=meant, lookup=lookup)))

    def _go(self, sessions: HostSessions, probe: Probe, dialled: str, seconds: float) -> ProbeResult:
        from netprobe.live.sending import send

        try:
            return send(sessions, self.target, probe, dialled, seconds)
        except (HostLostError, RemoteError) as error:
            why = str(error).removeprefix(f"{probe.source_at.host}: ")
            self.limits.append(Limit(kind=LimitKind.PROBE, subject=str(probe.source_at), why=f"the prober: {why}"))
            return ProbeResult(outcome=Outcome.BROKEN, detail=str(error))

    def _stop(self) -> None:
        if self.sniffing is not None and self.captured is None:
            self.captured = self.sniffing.stop()

    def _note_ended(self, sessions: HostSessions, plan: DialPlan) -> None:
        """Say which of the containers in question did not live through the probe as it was."""
        for place in dict.fromkeys(filter(None, (plan.source_at, plan.target_at))):
            known = sessions.by_name[place.host]
            if place.container is None or place.container not in known.entered:
                continue
            now = sessions.container_after(place)
            if now is not None and not sessions.lives(place):
                why = f"it ended or was restarted during the probe (now {now.state})"
                self.limits.append(Limit(kind=LimitKind.PROBE, subject=str(place), why=why))

    def _evidence(self, sessions: HostSessions) -> Evidence:
        captured = self.captured
        return Evidence(
            probe=replace(self.probe, timing_ms=dict(self.timing)) if self.probe is not None else None,
            points=captured.points if captured else (),
            packets=captured.packets if captured else Packets.none(),
            before=tuple(sessions.by_name[host].before.state() for host in self.involved),
            after=tuple(
                sessions.by_name[host].after.state() for host in self.involved if sessions.by_name[host].after.outputs
            ),
            limits=tuple(
                dict.fromkeys((*(captured.limits if captured else ()), *sessions.limits(self.involved), *self.limits))
            ),
        )

    def _rest(self, sessions: HostSessions) -> bytes | None:
        """Return what was captured before a fault, None when nothing was."""
        if self.sniffing is None or self.probe is None:
            return None
        with contextlib.suppress(NetprobeError):
            self.sniffing.settle()
            self._stop()
        if self.captured is None or not len(self.captured.packets):
            return None
        from netprobe.evidence.writer import write

        return write(self._evidence(sessions))


def _ms_since(begin: float) -> float:
    return round((time.perf_counter() - begin) * 1000, 1)
