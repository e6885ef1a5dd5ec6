"""Names: SOURCE's place, and TARGET's address looked up as the source itself would."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

from netprobe.decode.dns import DnsMessage, parse_message
from netprobe.hosts import collect
from netprobe.hosts.session import HostLostError, RemoteError
from netprobe.probe import craft
from netprobe.probe.by_state import resolve_by_state
from netprobe.probe.resolver import of_family, query, resolve, servers_of, with_wildcard
from netprobe.state.lookup import namespace_of

if TYPE_CHECKING:
    from netprobe.evidence.model import Lookup, Place
    from netprobe.live.sessions import HostSessions

ASK_SECONDS = 2.5


class SourceResolver:
    """Asks the source's name servers from inside the source's namespace."""

    def __init__(self, sessions: HostSessions, place: Place, first_id: int, *, six: bool | None = None) -> None:
        """Begin with a DNS id. ``six``: only IPv6 (False: only IPv4) is asked for, or asked (:meth:`query`)."""
        self._six = six
        self._sessions = sessions
        self._place = place
        self._next_id = first_id
        self._deadline = 0.0
        self._alone = False
        self.local: tuple[str, int] | None = None
        self.started_ns: int | None = None
        self.elapsed_us: int | None = None

    def resolve(self, name: str, seconds: float) -> Lookup:
        """Look a name up: hosts file, then name servers, within `seconds`."""
        self._deadline = time.monotonic() + seconds
        namespace = namespace_of(self._sessions.hosts(), self._place)
        files = (namespace.hosts_file, namespace.resolv_conf) if namespace is not None else (None, None)
        self._alone = len(servers_of(files[1])) == 1
        return resolve(name, *files, self._ask, self._six)

    def query(self, name: str, seconds: float) -> Lookup:
        """Ask the name servers alone, within `seconds`."""
        self._deadline = time.monotonic() + seconds
        namespace = namespace_of(self._sessions.hosts(), self._place)
        conf = namespace.resolv_conf if namespace is not None else None
        self._alone = len(of_family(servers_of(conf), self._six)) == 1
        return query(name, conf, self._ask, six=self._six)

    def check_wildcard(self, lookup: Lookup, label: str, seconds: float) -> Lookup:
        """Ask the search domain that answered for a name that nobody has, within `seconds`: see :func:`~netprobe.probe.resolver.with_wildcard`."""
        self._deadline = time.monotonic() + seconds
        return with_wildcard(lookup, label, self._ask)

    def _ask(self, server: str, name: str, kind: str) -> DnsMessage | str:
        left = self._deadline - time.monotonic()
        if left <= 0.01:
            return "no time left"
        message = craft.dns_query(self._next_id, name, kind)
        self._next_id = (self._next_id + 1) & 0xFFFF
        # the only server may have servers of its own to ask, one after the other: the embedded one gives each 4 s (libnetwork resolver.go)
        seconds = left if self._alone else min(left, ASK_SECONDS)
        try:
            answer = self._sessions.session(self._place.host).within(
                self._place.container,
                "ask",
                seconds + 2.0,
                server=server,
                query=base64.b64encode(message).decode(),
                seconds=seconds,
            )
        except (HostLostError, RemoteError) as error:
            return str(error)
        if "error" in answer:
            return str(answer["error"])
        self.local = (str(answer["local"][0]), int(answer["local"][1]))
        self.started_ns = self.started_ns or int(answer["started_ns"])
        self.elapsed_us = (self.elapsed_us or 0) + int(answer["elapsed_us"])
        return parse_message(base64.b64decode(answer["reply"])) or "a malformed reply"


class SilentResolver(SourceResolver):
    """Looks names up without sending anything: see :mod:`netprobe.probe.by_state`."""

    def resolve(self, name: str, seconds: float) -> Lookup:
        """Look a name up as far as state tells."""
        del seconds
        return resolve_by_state(self._sessions.hosts()[self._place.host], self._place, name, self._six)


def learn_own_files(sessions: HostSessions, host: str) -> None:
    """Read a host's own lookup files, where that was not done yet."""
    record = sessions.by_name[host].before
    if "resolv-conf" not in record.outputs:
        collect.read_own_files(sessions.session(host), record)
