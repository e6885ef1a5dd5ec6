"""The host's own way to its containers: docker-proxy and what stands in for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.evidence.model import Place
from netprobe.paths.observe import Answerer, Symptom
from netprobe.report.model import Finding, Where
from netprobe.state.address import is_loopback

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.state.docker import Container, Published
    from netprobe.state.iptables import Rule
    from netprobe.state.model import Host


def _lost_proxy(case: Case) -> tuple[Host, Container, Published, tuple[Rule, ...]] | None:
    """A running container's publication that should have answered and has no docker-proxy, with its DNAT rules."""
    if case.publication is None or case.dialled is None or not case.refused_by_host:
        return None
    host, container, published = case.publication
    if not container.running or container.host_network or uses_no_proxy(host):
        return None
    proxies = case.proxies(host, published)
    rules = case.dnat_rules(host, published, container)
    if proxies is None or proxies or rules is None:
        return None
    return (host, container, published, rules) if case.never_listening(Place(host=host.name), *case.dialled) else None


def uses_no_proxy(host: Host) -> bool:
    """``userland-proxy: false``: then nat OUTPUT also takes 127.0.0.0/8 (libnetwork: no ``! -d 127.0.0.0/8`` on its jump)."""
    chain = host.ruleset.chain("nat", "OUTPUT") if host.ruleset else None
    jumps = [rule for rule in chain.rules if rule.target == "DOCKER"] if chain else []
    return bool(jumps) and not any("! -d 127.0.0.0/8" in rule.text for rule in jumps)


def _may_have_lost(case: Case) -> bool:
    """Whether a publication may have lost its ways: not where the target itself answered, nor where nobody publishes the port."""
    if case.story.answerer is Answerer.TARGET:
        return False
    return (
        case.probe is None
        or case.dialled_host is None
        or case.dialled_host.containers is None
        or case.publication is not None
    )


class ProxyDead(Cause):
    """docker-proxy of a published port is gone; only what DNAT takes still works.

    What it is: connections from the host to 127.0.0.1 and from containers to the host's address are not taken by the DNAT rule: docker-proxy has to.
    Why it happens: the process was killed (OOM killer, by hand) while the container goes on.
    Evidence: the host's own refusal, the DNAT rule in place, and no docker-proxy with that port among the processes and sockets.
    Remedy: restart the container: Docker starts the proxy again.
    Source: moby#27880; measured (docker-proxy killed).
    """

    code = "proxy-dead"
    symptoms = frozenset({Symptom.REFUSED})

    def possible(self, case: Case) -> bool:
        """Only for a published port that the target itself did not answer."""
        return _may_have_lost(case)

    def find(self, case: Case) -> Finding | None:
        """Fires when a published port was refused by its host, DNAT is in place, and the proxy is not."""
        lost = _lost_proxy(case)
        if lost is None or not lost[3] or case.dialled is None:
            return None
        host, container, published, rules = lost
        why = "connections to 127.0.0.0/8" if is_loopback(case.dialled[0]) else "connections from a container's bridge"
        return Finding(
            code=self.code,
            summary=f"docker-proxy of {container.name}'s port {published.host_port} is not running, and {why} are not DNATed",
            where=Where(host=host.name, component="docker-proxy"),
            evidence=(
                f"{case.story.detail} from {host.name} itself, nothing behind it: {case.frames}",
                f"no docker-proxy process or socket for {published}",
                f"the DNAT rule is there: {rules[0].text}",
            ),
            remedy=(f"docker restart {container.name}",),
            remedy_host=host.name,
        )


class ProxyAndDnatDead(Cause):
    """A published port has neither docker-proxy nor a DNAT rule.

    What it is: the container runs and its port is published, and nothing on the host carries it.
    Why it happens: the proxy died and the nat table was flushed.
    Evidence: the host's own refusal, no DNAT rule, no docker-proxy.
    Remedy: restart the container: Docker makes both again.
    Source: measured (docker-proxy killed and the DNAT rule deleted).
    """

    code = "proxy-and-dnat-dead"
    symptoms = frozenset({Symptom.REFUSED})

    def possible(self, case: Case) -> bool:
        """Only for a published port that the target itself did not answer."""
        return _may_have_lost(case)

    def find(self, case: Case) -> Finding | None:
        """Fires when a published port was refused by its host and both ways are gone."""
        lost = _lost_proxy(case)
        if lost is None or lost[3]:
            return None
        host, container, published, _ = lost
        return Finding(
            code=self.code,
            summary=f"{container.name}'s port {published.host_port} is published, but {host.name} has neither its DNAT rule nor its docker-proxy",
            where=Where(host=host.name, component="docker-proxy, nat/DOCKER"),
            evidence=(
                f"{case.story.detail} from {host.name} itself, nothing behind it: {case.frames}",
                f"no docker-proxy process or socket for {published}",
                f"no DNAT rule leads to {published.container_port}/{published.proto} of {container.name}",
            ),
            remedy=(f"docker restart {container.name}",),
            remedy_host=host.name,
        )
