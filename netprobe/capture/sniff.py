"""Running the sniffers of all hosts at once."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netprobe.capture.plan import RING_KIB, SNAPLEN
from netprobe.errors import EnvironmentFault
from netprobe.hosts.session import HostLostError, RemoteError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from netprobe.capture.join import Captured
    from netprobe.capture.plan import Point
    from netprobe.hosts.session import Answer, Session

BYTES_PER_POINT = 8 << 20
READY_SECONDS = 3.0
QUIET_SECONDS = 0.025
TAIL_SECONDS = 0.1
STOP_SECONDS = 0.5
DENIED = "permission to"


@dataclass(slots=True)
class Sniffing:
    """All points of one run, from :meth:`start` to :meth:`stop`."""

    sessions: Mapping[str, Session]
    points: Sequence[Point]
    seconds: float
    failed: dict[str, str] = field(default_factory=dict)
    _started: dict[str, list[tuple[Sequence[Point], Future[Answer]]]] = field(default_factory=dict)
    _streams: dict[str, Stream] = field(default_factory=dict)
    _quiet: dict[str, Future[Answer]] = field(default_factory=dict)

    def start(self) -> None:
        """Start every sniffer, without waiting."""
        self._start(self.points)

    def add(self, sessions: Mapping[str, Session], points: Sequence[Point]) -> None:
        """Start more of them: what else the packets may pass is known by now."""
        self.sessions = {**self.sessions, **sessions}
        self.points = (*self.points, *points)
        self._start(points)

    def _start(self, points: Sequence[Point]) -> None:
        for host in dict.fromkeys(point.place.host for point in points):
            here = [point for point in points if point.place.host == host]
            future = self.sessions[host].submit(
                "sniff",
                points=[self._request(point) for point in here],
                seconds=self.seconds,
                ready_seconds=READY_SECONDS,
                snaplen=SNAPLEN,
                ring_kib=RING_KIB,
                limit=BYTES_PER_POINT,
            )
            self._started.setdefault(host, []).append((here, future))

    @staticmethod
    def _request(point: Point) -> dict[str, Any]:
        return {
            "key": point.name,
            "interface": point.interface,
            "ns": point.place.container,
            "filter": point.capture_filter,
        }

    def wait(self) -> None:
        """Wait until every sniffer is ready or has failed; a point that failed is remembered.

        Raises:
            EnvironmentFault: tcpdump is not installed, or may not capture.
        """
        for host, points, future in [(host, *each) for host, asked in self._started.items() for each in asked]:
            try:
                failed = self.sessions[host].wait(future, READY_SECONDS + 2.0)["failed"]
            except (HostLostError, RemoteError) as error:
                failed = {point.name: str(error) for point in points}
            for name, why in failed.items():
                self._check(host, why)
                self.failed[name] = why

    def follow(self) -> None:
        """Fetch what the sniffers of other machines write while they write it: a connection that breaks then loses the rest only."""
        for host in self._started:
            session = self.sessions[host]
            if not session.host.reach.same_machine:
                self._streams[host] = Stream(session)

    @staticmethod
    def _check(host: str, why: str) -> None:
        if "not installed" in why:
            raise EnvironmentFault(f"{host}: {why}", f"install the package {why.partition(':')[0]} there")
        if DENIED in why:
            raise EnvironmentFault(f"{host}: tcpdump: {why}", "run netprobe as root (sudo)")

    def settle(self) -> None:
        """Wait until all is quiet."""
        self.ask_for_quiet()
        self.wait_for_quiet()

    def ask_for_quiet(self) -> None:
        """Ask to be told when all is quiet, without waiting."""
        self._quiet = {
            host: self.sessions[host].submit("quiet", quiet_seconds=QUIET_SECONDS, seconds=STOP_SECONDS)
            for host in self._started
        }

    def wait_for_quiet(self) -> None:
        """Wait for that."""
        for host, future in self._quiet.items():
            with contextlib.suppress(HostLostError, RemoteError):  # stopping it says so
                self.sessions[host].wait(future, STOP_SECONDS + 5.0)

    def stop(self) -> Captured:
        """End every sniffer, and join what they wrote. Packets that are under way are lost: :meth:`settle` comes first."""
        from netprobe.capture.join import join  # here: it takes numpy, which nothing before the probe needs

        for stream in self._streams.values():
            stream.end()
        asked = {host: self.sessions[host].submit("stop") for host in self._started}
        reports: dict[str, Answer] = {}
        for host, future in asked.items():
            try:
                reports |= self._whole(host, self.sessions[host].wait(future, STOP_SECONDS + 5.0)["points"])
            except (HostLostError, RemoteError) as error:
                why = str(error).removeprefix(f"{host}: ")
                kept = self._kept(host, why)
                reports |= kept
                self.failed |= {p.name: why for p in self.points if p.place.host == host and p.name not in kept}
        return join(self.points, reports, self.failed)

    def _whole(self, host: str, reports: Mapping[str, Answer]) -> dict[str, Answer]:
        """Put what was fetched before in front of what came at the end."""
        stream = self._streams.get(host)
        before = stream.parts if stream is not None else {}
        return {key: {**each, "pcap": [*before.get(key, ()), each.get("pcap")]} for key, each in reports.items()}

    def _kept(self, host: str, why: str) -> dict[str, Answer]:
        """What had come when the host was lost."""
        stream = self._streams.get(host)
        parts = stream.parts if stream is not None else {}
        return {key: {"pcap": list(each), "error": why} for key, each in parts.items()}


class Stream:
    """What the sniffers of one host wrote so far, fetched by a thread of its own until :meth:`end`."""

    def __init__(self, session: Session) -> None:
        self.parts: dict[str, list[str]] = {}
        self._session = session
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._fetch, daemon=True)
        self._thread.start()

    def _fetch(self) -> None:
        while not self._over.is_set():
            try:
                answer = self._session.ask("tail", TAIL_SECONDS + 5.0, seconds=TAIL_SECONDS)
            except (HostLostError, RemoteError):
                return
            for key, part in answer["points"].items():
                self.parts.setdefault(key, []).append(part)

    def end(self) -> None:
        """Stop fetching, behind the answer that is under way."""
        self._over.set()
        self._thread.join(TAIL_SECONDS + 6.0)
