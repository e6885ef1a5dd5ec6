"""A published port that the firewall of its host seems to close, and does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.proof.publishing import published_again
from netprobe.causes.remedies.steps import IN_FIREWALL
from netprobe.evidence.model import Place
from netprobe.forward.model import Flying, Stopped, UnknownHere
from netprobe.forward.netfilter import filter_of, pass_hook
from netprobe.model.point import PointName
from netprobe.model.remedy import advise, run
from netprobe.model.report import Finding, PathCode, Where
from netprobe.paths.story import Symptom

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.state.model import Host


class FirewallBypassed(Cause):
    """A published port is reachable although the host's firewall denies it.

    What it is: Docker's DNAT sends the connection through FORWARD; INPUT, where the host's firewall denies the port, never sees it.
    Why it happens: ufw, firewalld and most guides filter INPUT alone.
    Evidence: the request behind DNAT; the rule of INPUT that would stop the same packet.
    Remedy: deny it in DOCKER-USER, by the port that was dialled (``--ctorigdstport``); or publish on 127.0.0.1 only.
    Source: moby#22054; Docker documentation, "Docker and ufw".
    """

    code = "firewall-bypassed"
    symptoms = frozenset({Symptom.OK, Symptom.DELIVERED})
    note = True

    def find(self, case: Case) -> Finding | None:
        """Fires when the packets took DNAT, and INPUT would have stopped them at both moments."""
        if case.publication is None or case.way.path is not PathCode.DNAT or case.probe is None:
            return None
        host, container, published = case.publication
        door = self._door(case, host)
        after = case.after(host.name)
        if door is None or after is None:
            return None
        denied, still = _denied(host, *door), _denied(after, *door)
        if denied is None or still is None or denied.rule is None or denied.rule != still.rule:
            return None
        port = f"{published.host_port}/{published.proto}"
        suffix = "" if published.proto == "tcp" else f"/{published.proto}"
        only = f"127.0.0.1:{published.host_port}:{published.container_port}{suffix}"
        dialled = ("-m", "conntrack", "--ctorigdstport", str(published.host_port), "--ctdir", "ORIGINAL")
        return Finding(
            code=self.code,
            summary=f"INPUT of {host.name} denies port {port}, and {container.name} is reachable by it: a published port is forwarded, and INPUT never sees it",
            where=Where(host=host.name, component=denied.rule.component, rule=denied.text),
            evidence=(
                f"the request passes DNAT and is answered: {case.frames}",
                f"{denied.rule} would stop it: {denied.text}",
            ),
            remedies=(
                run(
                    host.name,
                    "ip6tables" if case.is_v6 else "iptables",
                    "-I",
                    host.engine.user_chain,
                    "-i",
                    door[1],
                    "-p",
                    published.proto,
                    *dialled,
                    "-j",
                    "DROP",
                    advice=f"this cuts those who use that port by {door[1]}; {IN_FIREWALL}",
                ),
                advise(host.name, f"or publish it for the host only: {published_again(container, only)}"),
            ),
        )

    @staticmethod
    def _door(case: Case, host: Host) -> tuple[Flying, str] | None:
        """The packet as it came to the host, and by which interface; None when it was sent there, or that was not seen."""
        for hop in case.hops:
            at = PointName.parse(hop.point)
            if not hop.seen or hop.packet is None or at.container is not None or at.host != host.name:
                continue
            (src, sport), (dst, dport) = hop.packet.src, hop.packet.dst
            link = host.own.link(at.interface)
            if (dst, dport) != case.dialled or link is None or link.loopback or host.own.link_with(src) is not None:
                return None
            packet = Flying(src=src, sport=sport, dst=dst, dport=dport, proto=case.transport)
            return packet, link.master or link.name
        return None


def _denied(host: Host, packet: Flying, device: str) -> Obstacle | None:
    """What in INPUT would stop this packet; None when nothing would, or that is not known."""
    try:
        pass_hook(filter_of(host, Place(host=host.name), packet.dst), "INPUT", packet, in_if=device)
    except Stopped as stopped:
        return stopped.obstacle
    except UnknownHere:
        return None
    return None
