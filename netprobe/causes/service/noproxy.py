"""``userland-proxy: false``: everything is left to DNAT, and what DNAT needs on a bridge and on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import NO_SOCKET, Cause
from netprobe.causes.proof.obstacle import frames_at, met, predicted, whose
from netprobe.causes.proof.translations import counted, translations
from netprobe.causes.remedies.steps import IN_SYSCTL, setting
from netprobe.evidence.model import Outcome
from netprobe.forward.model import Barrier
from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Direction
from netprobe.model.remedy import advise, run
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import is_loopback

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.model.hop import Hop
    from netprobe.state.model import Host

_BRIDGE_NF = "net.bridge.bridge-nf-call-iptables"
_LOADED = "this holds until the next reboot; for good: a file in /etc/modules-load.d that names it"


class NoproxyNoBridgeNf(Cause):
    """A container dials its host's published port, the answer is switched past the host's conntrack, and its source is not put back.

    What it is: without docker-proxy the request is DNATed and comes back to the same bridge. The answer between two ports of that bridge
        passes conntrack only where bridge netfilter is on; without it, it carries the container's own address, and the client resets it.
    Why it happens: ``userland-proxy: false``, and br_netfilter is not loaded or ``bridge-nf-call-iptables`` was set to 0.
    Evidence: the answer at the client's own interface with the target's address instead of the dialled one; the setting; OUTPUT's jump to DOCKER without ``! -d 127.0.0.0/8``.
    Remedy: load br_netfilter, set it to 1.
    Source: moby#48685; net/bridge/br_netfilter_hooks.c; seen in the lab.
    """

    code = "noproxy-no-bridge-nf"
    reads = ("sysctl",)
    tells = "sysctl net.bridge.bridge-nf-call-iptables on the host"
    drops_answer = True
    drop_reasons = NO_SOCKET
    symptoms = frozenset({Symptom.SILENCE, Symptom.REFUSED, Symptom.CLOSED})

    def find(self, case: Case) -> Finding | None:
        """Fires when the walk and the packets end with an answer from another address than the one dialled, on one bridge without bridge netfilter."""
        obstacle = met(case, Barrier.OTHER_SOURCE)
        probe, host, source = case.probe, case.target_host, case.source_container
        if obstacle is None or probe is None or host is None or source is None or case.target is None:
            return None
        value = self._bridge_nf(host)
        answer = self._answer(case)
        if (
            value == "1"
            or host.sysctls is None
            or answer is None
            or not host.engine.lacks_userland_proxy(host.ruleset)
            or case.dialled is None
        ):
            return None
        packet = answer.packet
        frame, src = (packet.frame, packet.src) if packet else (0, "")
        dialled = Endpoint(*case.dialled)
        setting = f"{_BRIDGE_NF} = {value}" if value is not None else "br_netfilter is not loaded"
        return Finding(
            code=self.code,
            summary=f"{source.name} dialled {dialled}, and {case.target.name} answers past {host.name}'s conntrack, from {src}: {setting}",
            where=Where(host=host.name, component=_BRIDGE_NF),
            evidence=(
                f"the answer at {answer.point} comes from {src}, not from {dialled}: frame {frame}",
                f"on {host.name}: {setting}; both containers are ports of one bridge",
                f"nat/OUTPUT has {host.engine.chain} for 127.0.0.0/8 too: the engine runs without docker-proxy (userland-proxy: false)",
            ),
            remedies=(
                *(() if value is not None else (run(host.name, "modprobe", "br_netfilter", advice=_LOADED),)),
                run(
                    host.name,
                    "sysctl",
                    "-w",
                    f"{_BRIDGE_NF}=1",
                    advice=f"iptables then sees what any bridge switches; {IN_SYSCTL}",
                ),
            ),
        )

    @staticmethod
    def _bridge_nf(host: Host) -> str | None:
        return (host.sysctls or {}).get(_BRIDGE_NF)

    @staticmethod
    def _answer(case: Case) -> Hop | None:
        """The answer as the source's own interface saw it, from an address of the target's."""
        mine = {each.name for each in case.points if each.place == case.intent.source}
        addresses = case.target.addresses if case.target else ()
        seen = [hop for hop in case.hops if hop.seen and hop.direction is Direction.REPLY and hop.point in mine]
        return next((hop for hop in seen if hop.packet and hop.packet.src.address in addresses), None)

    def possible(self, case: Case) -> bool:
        """Only between containers of one host whose engine has no docker-proxy and no bridge netfilter, as far as is known."""
        host = case.target_host
        if case.probe is None or host is None or host.ruleset is None or host.sysctls is None:
            return case.probe is None or case.probe.source_at.container is not None
        return (
            case.source_container is not None
            and host.engine.lacks_userland_proxy(host.ruleset)
            and self._bridge_nf(host) != "1"
        )


class NoproxyNoRouteLocalnet(Cause):
    """DNAT between 127.0.0.1 and a container, and the kernel routes no loopback address by another interface than lo.

    What it is: without docker-proxy nat OUTPUT takes 127.0.0.0/8 too. The packet's source is still 127.0.0.1 when it is routed again, and
        without ``route_localnet`` on the bridge the kernel drops it there. The other way round, a rule in PREROUTING that sends what comes in
        by an interface to a service on 127.0.0.1 needs it on that interface.
    Why it happens: ``userland-proxy: false``, and a hardening script (or sysctl.conf) has set ``route_localnet`` to 0 again; a rule that was meant
        to give containers a service of the host that listens on 127.0.0.1 alone.
    Evidence: nothing was seen at any point, not even lo, or the request at the interface and no further; the DNAT rule; the interface's setting.
    Remedy: set it to 1; where a rule sends to 127.0.0.1, rather have the service listen on the bridge's address.
    Source: moby#12165; net/ipv4/route.c (__mkroute_output: a loopback source with another device); Documentation/networking/ip-sysctl.rst (route_localnet); seen in the lab.
    """

    code = "noproxy-no-route-localnet"
    reads = ("sysctl",)
    tells = "sysctl net.ipv4.conf.BRIDGE.route_localnet on the host"
    symptoms = frozenset({Symptom.NO_PACKETS, Symptom.SILENCE})
    barriers = frozenset({Barrier.ROUTE_LOCALNET})

    def find(self, case: Case) -> Finding | None:
        """Fires when the walk ends at that setting: nothing was sent, the prober waited in vain, and the DNAT rule counted; or it came in, and no further."""
        obstacle = met(case, Barrier.ROUTE_LOCALNET)
        if case.story.symptom is Symptom.SILENCE:
            return self._led_in(case, obstacle) if obstacle is not None else None
        probe = case.probe
        if obstacle is None or probe is None or case.dialled is None or not is_loopback(case.dialled[0]):
            return None
        counted = self._counted(case)
        if probe.result.outcome is not Outcome.TIMEOUT or counted is None or not case.points:
            return None
        name, rule, times = counted
        bridge = obstacle.device
        return Finding(
            code=self.code,
            summary=f"{name}'s {rule} sends 127.0.0.1:{case.dialled[1]} to a container, and {obstacle.text}: the kernel drops a loopback source that leaves lo",
            where=Where(host=name, component=obstacle.label, rule=rule),
            evidence=(
                f"nothing was seen at {', '.join(point.name for point in case.points)}; the prober: {probe.result.detail}",
                f"{rule} counted {times} meanwhile",
                f"on {name}: {obstacle.text}; the way there is {bridge}",
            ),
            remedies=(setting(case, obstacle.place, obstacle.undo),),
        )

    @staticmethod
    def _led_in(case: Case, obstacle: Obstacle) -> Finding | None:
        """A rule sends what came in by an interface to 127.0.0.1."""
        moved = [each for each in translations(case.prediction) if each.of_destination] if case.prediction else []
        if not moved or moved[-1].place != obstacle.place or case.dialled is None:
            return None
        rule, device = moved[-1], obstacle.device
        count = counted(case, rule)
        listen = advise(
            obstacle.place.host,
            f"rather have the service listen on the address of {device}, without that rule: with route_localnet what comes in by {device} is let to 127.0.0.0/8 wherever a rule sends it there",
        )
        return Finding(
            code=NoproxyNoRouteLocalnet.code,
            summary=f"{rule.ref} of {whose(obstacle.place)} sends what is for {Endpoint(*case.dialled)} to {rule.to}, and {obstacle.text}: the kernel drops what comes in by {device} for a loopback address",
            where=Where(host=obstacle.place.host, component=obstacle.label, rule=rule.ref.shown),
            evidence=(
                f"last seen at {case.last_seen}: {frames_at(case, case.last_seen or '')}",
                f"{rule.ref}: {rule.ref.shown}{f', counter {count[0]} → {count[1]}' if count else ''}",
                f"on {whose(obstacle.place)}: {obstacle.text}",
            ),
            remedies=(setting(case, obstacle.place, obstacle.undo), listen),
        )

    @staticmethod
    def _counted(case: Case) -> tuple[str, str, int] | None:
        """(host, DNAT rule, how often it was hit meanwhile) of the dialled port; None when it was not, or that is not known."""
        if case.publication is None:
            return None
        host, container, published = case.publication
        after = case.after(host.name)
        before, then = case.dnat_rules(host, published, container), None
        then = case.dnat_rules(after, published, container) if after is not None else None
        if not before or not then or before[0].ref != then[0].ref or before[0].ref.shown != then[0].ref.shown:
            return None
        first, last = before[0].packets, then[0].packets
        if first is None or last is None or last <= first:
            return None
        return host.name, str(then[0].ref), last - first

    def possible(self, case: Case) -> bool:
        """Only where the walk ends there; where loopback is dialled on a host whose engine has no docker-proxy, as far as is known."""
        if predicted(case, Barrier.ROUTE_LOCALNET) is not None:
            return True
        if case.probe is None or case.dialled is None:
            return case.probe is None
        host = case.before(case.probe.source_at.host)
        return is_loopback(case.dialled[0]) and (
            host is None or host.ruleset is None or host.engine.lacks_userland_proxy(host.ruleset)
        )
