"""What the kernels of the hosts involved tell of one probe (``--trace``): its walk through nft's rules, and their drop reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.capture.drops import Dropping, program
from netprobe.capture.marked import Marked, forms
from netprobe.capture.trace import LEGACY, Tracing, is_legacy, script, table_of

if TYPE_CHECKING:
    from netprobe.capture.plan import Tuple5
    from netprobe.live.dial_plan import DialPlan
    from netprobe.live.sessions import HostSessions


class KernelTrace:
    """One run's, in order: made once the probe's port is bound, then :meth:`start`, and :meth:`stop` after the probe.

    bpftrace takes a second and more to compile, so it is started while the hosts' state is read: it changes nothing of it.
    """

    def __init__(
        self, sessions: HostSessions, hosts: tuple[str, ...], marked: Marked, tag: str, life_seconds: float
    ) -> None:
        self._sessions = sessions
        self._hosts = hosts
        self._marked = marked
        opened = {host: sessions.session(host) for host in hosts}
        self._table = table_of(tag)
        self._tracing = Tracing(opened, self._table, life_seconds)
        self._dropping = Dropping(opened, life_seconds)
        self._dropping.start(program(forms(marked)))

    def start(self) -> None:
        """Have every host trace the probe's packets. State was read before: the table is no part of it."""
        text = script(self._table, self._marked)
        if not text:
            self._tracing.refuse(self._hosts, "the probe's packets cannot be told from others before it is sent")
        saved = {host: self._sessions.by_name[host].before.outputs.get("iptables") for host in self._hosts}
        self._tracing.refuse([host for host, each in saved.items() if each and is_legacy(each.stdout)], LEGACY)
        self._tracing.start(text)
        self._dropping.wait()

    def stop(self) -> None:
        """End tracing on every host, and keep what was told as state that was read after the probe."""
        for key, outputs in (("trace", self._tracing.stop()), ("drops", self._dropping.stop())):
            for host, output in outputs.items():
                self._sessions.by_name[host].after.outputs[key] = output


def marked(sessions: HostSessions, plan: DialPlan, known: Tuple5, ident: int) -> Marked:
    """Return what tells the probe's packets from others: its tuple, and where docker-proxy's inner connection comes from."""
    hosts, target_host = sessions.hosts(), plan.target_at.host if plan.target_at is not None else ""
    links = (hosts[target_host].own.links or ()) if target_host in hosts else ()
    gateways = tuple(each.address for link in links if link.is_bridge for each in link.addresses)
    return Marked(probe=known, ident=ident, gateways=gateways)
