"""Rules that drop where few look: PREROUTING before the routing decision, POSTROUTING behind it, the answering host's own OUTPUT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.firewall.forward import reached
from netprobe.causes.firewall.host import proxy_of
from netprobe.causes.proof.blocked import Filtered, walked_into
from netprobe.causes.proof.hooks import hook_at
from netprobe.causes.proof.known import in_vain
from netprobe.causes.proof.may_stop import may_stop, may_stop_answer, stops_answer
from netprobe.causes.proof.obstacle import predicted
from netprobe.causes.remedies.past_rule import ways_past_rule
from netprobe.evidence.model import Place
from netprobe.forward.model import Barrier
from netprobe.model.hop import Direction
from netprobe.model.point import PointName
from netprobe.model.rule import Hook
from netprobe.paths.story import Symptom
from netprobe.state.lookup import docker_bridges, rule_of

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.causes.proof.stopped_by import StoppedBy
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy

_SWITCHING = frozenset({"bridge"})  # the families whose OUTPUT is not of the host's own packets alone


def _before_proxy(case: Case, found: StoppedBy) -> bool:
    """Whether the walk ends at docker-proxy's own TCP connection, and nothing came back: it accepts before it dials, so its answer is stopped first."""
    silent = case.story.symptom is Symptom.SILENCE and case.transport == "tcp"
    return silent and proxy_of(case, found.place) is not None


def _unaccepted(case: Case) -> StoppedBy | None:
    """A rule that counted the host's own SYN-ACK in docker-proxy's name: by the walk the proxy's connection would come first, and by TCP it is not made."""
    told, then = predicted(case, Barrier.RULE), case.prediction_after
    obstacle = told.obstacles[0] if told is not None else None
    if obstacle is None or then is None or not then.obstacles or obstacle.direction is not Direction.REPLY:
        return None
    last, host = then.obstacles[0], case.dialled_host
    same = (last.barrier, last.place, last.label, last.text) == (
        obstacle.barrier,
        obstacle.place,
        obstacle.label,
        obstacle.text,
    )
    here = host is not None and obstacle.place == Place(host=host.name) and proxy_of(case, obstacle.place) is not None
    silent = case.story.symptom is Symptom.SILENCE and case.transport == "tcp" and not case.reply_lost
    seen = [PointName.parse(hop.point) for hop in case.hops if hop.seen and hop.direction is Direction.REQUEST]
    came = bool(seen) and seen[-1].host == obstacle.place.host and seen[-1].container is None
    whole = {hop.leg for hop in case.hops if hop.seen} == {1}
    if not (same and here and silent and came and whole and obstacle.hook in {Hook.OUTPUT, Hook.POSTROUTING}):
        return None
    found = walked_into(case, obstacle)
    return found if found is not None and found.delta else None


def _what(case: Case, found: StoppedBy) -> str:
    """What ends there: by the walk, or by the hook. Of a bridge OUTPUT sees what the host forwards, too."""
    own = found.hook is Hook.OUTPUT and found.rule.family not in _SWITCHING
    if found.back:
        answers = case.prediction is not None and case.prediction.arrives == found.place
        return "what it answers" if own or answers else "it"
    if own:
        return "what it sends" if found.walked and not _before_proxy(case, found) else "what it answers"
    return "it"


class RuleDrop(Filtered):
    """A rule before or behind FORWARD and INPUT drops it.

    What it is: PREROUTING (raw and mangle, an nft prerouting chain) sees a packet before it is routed, POSTROUTING after that, and an nft chain at a
        device's egress hook last; OUTPUT sees what a host answers itself. A rule there drops the packet, or its answer, though FORWARD and INPUT let it pass.
    Why it happens: protection against floods or spoofed addresses in raw and mangle PREROUTING that is wider than meant; an nft chain whose
        priority puts it there; an egress filter on the host that answers.
    Evidence: the request (or its answer) at an interface before the hook and at none behind it, and the counter of the rule; a rule that does
        not count is named where the walk through the host's rules ends at it.
    Remedy: delete that rule, or accept before it.
    Source: netfilter hooks and their priorities, Linux include/uapi/linux/netfilter_ipv4.h; iptables(8); nft(8), "CHAINS".
    """

    code = "rule-drop"
    needs = ("nft",)
    hooks = frozenset({Hook.PREROUTING, Hook.POSTROUTING, Hook.EGRESS, Hook.OUTPUT})
    barriers = frozenset({Barrier.RULE})

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """A rule at one of these hooks."""
        return super().explains_obstacle(case, obstacle) and (obstacle.hook or hook_at(case, obstacle)) in self.hooks

    def fits(self, case: Case, found: StoppedBy) -> bool:
        """It stands in a host's own namespace, and is not an engine's own: those are other causes (container-firewall, raw-direct-drop)."""
        host = case.before(found.host)
        rule = rule_of(host, found.rule) if host is not None else None
        closes = host is not None and any(host.engine.closes_to_others(rule, each) for each in docker_bridges(host))
        if closes or (found.place is not None and found.place.container is not None):
            return False
        counted = (
            found.hook is Hook.OUTPUT and not found.walked
        )  # by its counter alone: something else may have been sent
        return not (counted or _before_proxy(case, found)) or stops_answer(case, found.rule)

    def stopped(self, case: Case) -> StoppedBy | None:
        """Also the SYN-ACK for docker-proxy, which dials no container before the client's handshake is whole."""
        return super().stopped(case) or _unaccepted(case)

    def remedies(self, case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
        """Past it; for answers, where it is the accepting host's own that is stopped."""
        if _before_proxy(case, found):
            return ways_past_rule(case, found.place, found.rule, found.undo, hook=found.hook, reply=True)
        return super().remedies(case, found)

    def summary(self, case: Case, found: StoppedBy) -> str:
        """How far it came, and which rule took it."""
        return f"{reached(case)}: {found.rule} of {found.host} {found.does} {_what(case, found)} ({found.proof})"

    def possible(self, case: Case) -> bool:
        """Not when the hosts' rules are known, and none at these hooks could stop it."""
        unread = in_vain(case, "iptables", "iptables-legacy", "ip6tables", "ip6tables-legacy", "nft")
        stopping = any(may_stop(case, hook) for hook in self.hooks) or may_stop_answer(case)
        return super().possible(case) and (unread or stopping)
