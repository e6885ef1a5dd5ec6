"""Connection tracking: a segment that it judges INVALID is not translated, and whoever gets it answers with a reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.nat.conntrack import key, risen
from netprobe.causes.nat.let_through import HALF, MASK, Untranslated, untranslated
from netprobe.causes.remedies.steps import IN_FIREWALL
from netprobe.model.remedy import advise, run
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.conntrack import MOST

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.flows.model import PackedEndpoint


class ConntrackInvalidRst(Cause):
    """A host judged a segment of a translated connection INVALID and did not translate it: whoever got it answered with a reset.

    What it is: conntrack translates no segment that it judges INVALID: one beyond the window, as a rule. With the host's address as its destination it
        goes to the host itself, which knows no such connection and resets it (RFC 9293 §3.5.2); that reset kills the real one. A container's own
        leaves with the container's address; a client that has a route to it resets that.
    Why it happens: networks that reorder, repeat or coalesce under load, slow readers; kernels before 6.1 judge late retransmissions so too.
    Evidence: the segment at the host's interface and at none behind the translation; the host's RST with that segment's acknowledgement as its sequence
        number, and none from within (or the segment with the container's address, and the client's RST to that); conntrack's ``invalid`` counter,
        and its entry for this connection.
    Remedy: drop INVALID where it passes, in INPUT (or Docker's chain for users); or have conntrack take what is beyond the window for valid.
    Source: moby/libnetwork#1090; kubernetes/kubernetes#74839, kubernetes/kubernetes#117924; net/netfilter/nf_conntrack_proto_tcp.c (tcp_in_window); seen in the lab. The lab brings it about by sending
        a segment a million bytes ahead while the probe's connection is open: in the client's name (in the server's, for a masqueraded connection)
        on the wire before the Docker host, or from within the container.
    """

    code = "conntrack-invalid-rst"
    reads = ("conntrack-stat",)
    tells = "a capture of a whole connection: a RST that neither end sent"
    beyond_state = True
    symptoms = frozenset({Symptom.CLOSED, Symptom.NO_RESPONSE, Symptom.NO_HANDSHAKE})

    def find(self, case: Case) -> Finding | None:
        """Fires when a host reset a segment that it did not translate, its INVALID counter rose, and it knows the connection (as far as is known)."""
        for each in untranslated(case):
            rose, entry = risen(case, each.host.name, "invalid"), self._entry(case, each)
            if rose is not None and rose[1] > rose[0] and entry is not None:
                return self._finding(case, each, rose, entry)
        return None

    @staticmethod
    def _entry(case: Case, each: Untranslated) -> str | None:
        """The connection's line in the host's table after the probe; ``""`` where the table is not known whole, None where it is not in it."""
        after = case.after(each.host.name)
        table = after.conntrack if after is not None else None
        if table is None or len(table) >= MOST:
            return ""
        return next((entry.text for entry in table if entry.proto == "tcp" and key(entry) == each.ends), None)

    def _finding(self, case: Case, each: Untranslated, rose: tuple[int, int], entry: str) -> Finding:
        name = each.host.name
        program = "ip6tables" if each.sender.version == 6 else "iptables"
        summary, packets = self._kept(case, each) if each.due is None else self._let_out(case, each, each.due)
        return Finding(
            code=self.code,
            summary=summary,
            where=Where(host=name, component="conntrack"),
            evidence=(
                *packets,
                f"conntrack's invalid counter: {rose[0]} before, {rose[1]} after",
                *((f"conntrack knows the connection: {entry}",) if entry else ()),
            ),
            remedies=(
                run(
                    name,
                    program,
                    "-I",
                    self._chain(each),
                    "-m",
                    "conntrack",
                    "--ctstate",
                    "INVALID",
                    "-j",
                    "DROP",
                    advice=f"this drops what conntrack judges INVALID of every connection there, which nobody can use; {IN_FIREWALL}",
                ),
                advise(
                    name,
                    "or, if what is beyond the window may pass: sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1",
                ),
            ),
        )

    @staticmethod
    def _chain(each: Untranslated) -> str:
        """Where the untranslated segment passes: INPUT, or FORWARD (Docker's chain for users, if there is one)."""
        if each.due is None:
            return "INPUT"
        ruleset, chain = each.host.ruleset, each.host.engine.user_chain
        return chain if ruleset is not None and ruleset.chain("filter", chain) is not None else "FORWARD"

    def _kept(self, case: Case, each: Untranslated) -> tuple[str, tuple[str, ...]]:
        """What is said of a segment that the host took for its own."""
        frames, name = case.table.packets.frame, each.host.name
        return (
            f"{name} answered a segment of this connection with a reset of its own: conntrack judged it INVALID, so it was not translated and went to {name} itself",
            (
                f"frame {frames[each.segment]} at {each.point}: a segment of {each.sender.unpack()}{self._beyond(case, each)}; it was seen at none of {', '.join(each.within)}",
                f"frame {frames[each.reset]} at {each.point}: the RST that answers it, with its acknowledgement as sequence number; not from within either, so {name} sent it",
                *self._later(case, each),
            ),
        )

    def _let_out(self, case: Case, each: Untranslated, due: PackedEndpoint) -> tuple[str, tuple[str, ...]]:
        """What is said of a segment that left with the container's own address."""
        frames, name = case.table.packets.frame, each.host.name
        return (
            f"{name} let a segment of {each.sender.unpack()} out untranslated, as conntrack judged it INVALID: the client knows only {due.unpack()} and answered with a reset, which ended the real connection",
            (
                f"frame {frames[each.segment]} at {each.point}: a segment of {each.sender.unpack()}{self._beyond(case, each)}, with the container's own address; none like it left as {due.unpack()}",
                f"frame {frames[each.reset]} at {each.point}: the client's RST that answers it, with its acknowledgement as sequence number; it went on to the container",
            ),
        )

    @staticmethod
    def _later(case: Case, each: Untranslated) -> tuple[str, ...]:
        """That the connection went on behind the translation, as one sentence."""
        if each.later is None:
            return ()
        packets = case.table.packets
        point = case.points[int(packets.point[each.later])].name
        return (f"frame {packets.frame[each.later]} at {point}: behind it the connection went on",)

    @staticmethod
    def _beyond(case: Case, each: Untranslated) -> str:
        """How far it lies from what the receiver had acknowledged, as a phrase."""
        if each.acked is None:
            return ""
        far = (int(case.table.seq[each.segment]) - each.acked + HALF & MASK) - HALF
        return f", {abs(far)} bytes {'beyond' if far >= 0 else 'behind'} what had been acknowledged"

    def possible(self, case: Case) -> bool:
        """Only for TCP, and only where a host's INVALID counter rose, or is not known."""
        hosts = {point.host for point in case.points if point.host}
        rises = [risen(case, host, "invalid") for host in hosts]
        return case.transport == "tcp" and (not rises or any(each is None or each[1] > each[0] for each in rises))
