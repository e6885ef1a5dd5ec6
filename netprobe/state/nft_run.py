"""One rule of nftables and a packet: its expressions in order, as the kernel runs them; what they change, and the verdict.

An expression that no listing decides (a limit, a quota, what a program or the clock decides) leaves the rule in doubt: what it would do
is told for the case that it matches.

Source: net/netfilter/nf_tables_core.c (nft_do_chain), nft(8), "STATEMENTS".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from netprobe.state import nft_types as t
from netprobe.state.issues import dict_of, text_of
from netprobe.state.nft_index import NOTHING, Element
from netprobe.state.nft_match import compare
from netprobe.state.nft_nat import KINDS, Translation, mapped, translate
from netprobe.state.nft_show import show
from netprobe.state.nft_value import Absent, Context, NotTold
from netprobe.state.nft_values import evaluate, type_of
from netprobe.state.packet import LocalSocket
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from netprobe.state.nft_tables import Writer
    from netprobe.state.packet import PacketTuple

VERDICTS = ("drop", "reject", "accept", "queue", "return", "jump", "goto", "continue")
STOLEN: Final = ("fwd", "synproxy")
STATEFUL: Final = ("limit", "quota", "ct count", "meter", "flow", "xt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a rule does with a packet.

    Attributes:
        verdict: ``drop`` ``accept`` ``jump`` … or ``translate``; ``""``: the walk goes on behind it (it does not match, or only counts).
        target: the chain of a jump or goto.
        packet: the packet behind it. sure: the packet as it is even if what is in doubt does not match.
        translation: where it translates. tproxy: where it hands the packet to a local socket.
        doubt: what decides whether it matches, where that is not told: ```limit rate 1/second` is decided by what no listing shows``; ``""``: it is sure.
        matched: all of it was passed (a rule without a verdict, too). counted: its counter was passed.
    """

    packet: PacketTuple
    sure: PacketTuple
    verdict: str = ""
    target: str = ""
    translation: Translation | None = None
    tproxy: Translation | None = None
    doubt: str = ""
    matched: bool = False
    counted: bool = False


class _Run:
    """The state while a rule's expressions are run."""

    def __init__(self, at: Context) -> None:
        self.at = at
        self.sure = at.packet
        self.doubt = ""
        self.counted = False
        self.tproxy: Translation | None = None

    def doubted(self, why: str) -> None:
        """From here on it is not sure that the rule goes on."""
        if not self.doubt:
            self.doubt, self.sure = why, self.at.packet

    def put(self, **changes: Any) -> None:
        """Change the packet."""
        self.at = replace(self.at, packet=replace(self.at.packet, **changes))

    def end(self, verdict: str = "", *, matched: bool = True, **more: Any) -> Outcome:
        """How it ends."""
        packet = self.at.packet
        sure = self.sure if self.doubt else packet
        return Outcome(
            packet=packet,
            sure=sure,
            verdict=verdict,
            doubt=self.doubt,
            tproxy=self.tproxy,
            matched=matched,
            counted=self.counted,
            **more,
        )


def run(expressions: Sequence[Any], at: Context) -> Outcome:
    """Run a rule's expressions. One that is nested deeper than any that nft lists is not understood."""
    state = _Run(at)
    try:
        return _run(expressions, at, state)
    except RecursionError:
        state.doubted("an expression that is nested too deep")
        return state.end("unknown")


def _run(expressions: Sequence[Any], at: Context, state: _Run) -> Outcome:
    joined = -1
    for number, expression in enumerate(expressions):
        pair = expressions[number : number + 2]
        if number == joined:
            continue
        if _are_joined(pair) and _differ(pair, at):
            state.doubted(f"`{show(expression)}` and the next may be one comparison, as nft before 1.0.7 joins them")
            joined = number + 1
            continue
        if not isinstance(expression, dict):
            state.doubted("an expression that is not understood")
            continue
        for name, body in expression.items():
            found = _STEPS.get(name, _other)(name, body, state)
            if found is not None:
                return found
    return state.end()


def _are_joined(pair: Sequence[Any]) -> bool:
    """Two unequal comparisons of neighbouring fields: nft 1.0.6 loads both as one, that of the two together (payload_try_merge)."""
    fields = []
    for each in pair:
        body = dict_of(each, "match") if isinstance(each, dict) else {}
        payload = dict_of(dict_of(body, "left"), "payload")
        plain = isinstance(body.get("right"), str | int) and not str(body.get("right")).startswith("@")
        fields.append(
            (text_of(payload, "protocol"), text_of(payload, "field")) if body.get("op") == "!=" and plain else ()
        )
    return len(fields) == 2 and fields[0][:1] == fields[1][:1] and (fields[0][1:], fields[1][1:]) in _NEIGHBOURS


_NEIGHBOURS = ((("sport",), ("dport",)), (("saddr",), ("daddr",)))


def _differ(pair: Sequence[Any], at: Context) -> bool:
    """Whether one of them holds and the other does not: joined, they hold then; else they do not."""
    answers = [compare(each["match"], at, may_meet) for each in pair]
    return {True, False} == {each for each in answers if isinstance(each, bool)}


def may_meet(writer: Writer, at: Context) -> bool:
    """Whether a packet may come to the statement by which a rule writes a set. What that set holds is taken as it is listed."""
    outcome = run(writer.expressions, at if at.table is None else replace(at, table=at.table.unwritten))
    return outcome.matched


# -- statements -------------------------------------------------------------------------------------------------------


def _match(name: str, body: Any, state: _Run) -> Outcome | None:
    answer = compare(body, state.at, may_meet) if isinstance(body, dict) else NotTold("what is not understood")
    if isinstance(answer, NotTold):
        state.doubted(f"`{show({name: body})}` depends on {answer.why}")
        return None
    return None if answer else state.end(matched=False)


def _verdict(name: str, body: Any, state: _Run) -> Outcome | None:
    if name == "continue":
        return state.end()
    return state.end(name, target=text_of(body, "target") if isinstance(body, dict) else "")


def _vmap(name: str, body: Any, state: _Run) -> Outcome | None:
    found = mapped(body, state.at, may_meet) if isinstance(body, dict) else NotTold("what is not understood")
    if isinstance(found, NotTold):
        return _unknown(name, body, found.why, state)
    if not isinstance(found, Element):
        return state.end(matched=False)
    for verdict in VERDICTS:
        if isinstance(found.data, dict) and verdict in found.data:
            return _verdict(verdict, found.data[verdict], state)
    return _unknown(name, body, "a verdict that is not understood", state)


def _unknown(name: str, body: Any, why: str, state: _Run) -> Outcome:
    """What it does is not told, where it matches."""
    state.doubted(f"`{show({name: body})}` depends on {why}")
    return state.end("unknown")


def _nat(name: str, body: Any, state: _Run) -> Outcome | None:
    found = translate(name, body, state.at, may_meet)
    if isinstance(found, Absent):
        return state.end(matched=False)
    if isinstance(found, NotTold):
        return _unknown(name, body, found.why, state)
    return state.end("translate", translation=found)


def _tproxy(name: str, body: Any, state: _Run) -> Outcome | None:
    """Hand it to a local socket; where none takes it, the rule is left there (nft_tproxy.c)."""
    found = translate(name, body, state.at, may_meet)
    takes = state.at.facts.takes(found, state.at.packet) if isinstance(found, Translation) else found
    if takes is False or isinstance(takes, Absent):
        return state.end(matched=False)
    if isinstance(takes, NotTold):
        state.doubted(f"`{show({name: body})}` depends on {takes.why}")
    elif state.at.packet.sockets is None:  # from here on it has that socket, to which address it is bound is left open
        state.put(sockets=(LocalSocket(wildcard=None, transparent=True),))
    if isinstance(found, Translation):
        state.tproxy = found
    return None


def _mangle(name: str, body: Any, state: _Run) -> Outcome | None:
    """Set a mark, an address, a port; what else is set decides nothing here."""
    key = dict_of(body, "key") if isinstance(body, dict) else {}
    kind = type_of(key)
    value = _new_value(body.get("value") if isinstance(body, dict) else None, kind, state.at)
    if isinstance(value, Absent):
        return state.end(matched=False)
    where = _written(key)
    if where is None:
        return None
    known = value if isinstance(value, int) else None
    if where == "zone":
        _put_zone(key, known, state)
    elif where in {"src", "dst"}:
        if known is None:
            return _unknown(name, body, "which address it sets", state)
        state.put(**{where: t.shown(known, t.V6 if state.at.version == 6 else t.V4)})
    elif where == "dscp":
        old = state.at.packet.tos
        state.put(tos=None if known is None or old is None else known << 2 | old & 3)
    else:
        state.put(**{where: known})
    return None


def _put_zone(key: dict[str, Any], zone: int | None, state: _Run) -> None:
    """Of what conntrack has not looked at yet, and the first that says one counts; a zone of one direction alone is not understood (nft_ct.c)."""
    packet = state.at.packet
    if packet.tracked is False and packet.ctstate == "UNTRACKED":
        state.put(zone=None)  # it has conntrack's template from then on: what that makes of it is not told
    elif packet.tracked is False and not packet.templated:
        told = packet.with_template(None if text_of(dict_of(key, "ct"), "dir") else zone)
        state.put(zone=told.zone, ctstate=told.ctstate, ctdir=told.ctdir, ctstatus=told.ctstatus)


def _written(key: dict[str, Any]) -> str | None:
    """The field of the packet that a statement sets; None for one that no rule of ours looks at."""
    meta, ct, payload = dict_of(key, "meta"), dict_of(key, "ct"), dict_of(key, "payload")
    if text_of(meta, "key") == "mark":
        return "mark"
    if text_of(ct, "key") in {"mark", "zone"}:
        return "ctmark" if text_of(ct, "key") == "mark" else "zone"
    at = text_of(payload, "protocol"), text_of(payload, "field")
    return _SET_FIELDS.get(at)


_SET_FIELDS: Mapping[tuple[str, str], str] = {
    **{(each, "saddr"): "src" for each in ("ip", "ip6")},
    **{(each, "daddr"): "dst" for each in ("ip", "ip6")},
    **{(each, "dscp"): "dscp" for each in ("ip", "ip6")},
    ("ip", "ttl"): "ttl",
    ("ip6", "hoplimit"): "ttl",
    **{(each, name): name for each in ("tcp", "udp", "th") for name in ("sport", "dport")},
}


def _new_value(value: Any, kind: Any, at: Context) -> int | NotTold | Absent:
    if isinstance(value, dict) and isinstance(value.get("map"), dict):
        found = mapped(value["map"], at, may_meet)
        if not isinstance(found, Element):
            return Absent.ABSENT if found is NOTHING else found
        value = found.data
    constant = t.constant(value, kind) if isinstance(kind, t.DataType) else None
    if isinstance(constant, int):
        return constant
    result = evaluate(value, at)
    if isinstance(result, int | NotTold | Absent):
        return result
    return NotTold("a number that is known in part")


def _notrack(name: str, body: Any, state: _Run) -> Outcome | None:  # noqa: ARG001 - the form of all
    if state.at.packet.tracked is not True and not state.at.packet.templated:  # too late, else
        state.put(tracked=False, ctstate="UNTRACKED")
    return None


def _stateful(name: str, body: Any, state: _Run) -> Outcome | None:
    """What the kernel keeps for itself; of ``add @set {…}`` whether there is room, and what its own statements say."""
    state.doubted(f"`{show({name: body})}` is decided by what no listing shows")
    return None


def _stolen(name: str, body: Any, state: _Run) -> Outcome | None:
    state.doubted(f"`{show({name: body})}` takes the packet out of its way")
    return state.end("unknown")


def _pass(name: str, body: Any, state: _Run) -> Outcome | None:  # noqa: ARG001 - the form of all
    """Logs, or changes nothing that decides."""
    return None


def _counter(name: str, body: Any, state: _Run) -> Outcome | None:  # noqa: ARG001 - the form of all
    state.counted = True
    return None


def _other(name: str, body: Any, state: _Run) -> Outcome | None:
    """A statement of another version, or of none."""
    state.doubted(f"`{show({name: body})}` is not understood")
    return None


_STEPS: Mapping[str, Callable[[str, Any, _Run], Outcome | None]] = {
    "match": _match,
    **dict.fromkeys(VERDICTS, _verdict),
    "vmap": _vmap,
    **dict.fromkeys(KINDS, _nat),
    "tproxy": _tproxy,
    "mangle": _mangle,
    "notrack": _notrack,
    "counter": _counter,
    **dict.fromkeys((*STATEFUL, "set", "map"), _stateful),
    **dict.fromkeys(STOLEN, _stolen),
    **dict.fromkeys(("last", "log", "dup", "ct helper", "ct timeout", "ct expectation", "secmark", "comment"), _pass),
}
