"""A generated ruleset: rules of both tools and of routing, each with what it is an example of; as texts that load in one go."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kernel.asking import Question

HOOKS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}


@dataclass(frozen=True)
class Item:
    """One rule (or policy, set, chain, routing rule).

    Attributes:
        kind: ``ipt`` an iptables rule, ``policy`` a policy of iptables, ``chain`` an nft base chain, ``nft`` an nft rule, ``ip`` a line of ``ip -batch``.
        where: the table and chain: ``filter/FORWARD``; an nft chain's name; ``4`` or ``6`` for ``ip``.
        text: what is written there.
        names: what it is an example of: ``-m mark``, ``nft ct state``, ``-j DROP``.
        hidden: what of it is decided by a state that no listing shows: ``-m limit``; ``""`` for nothing.
        extra: declarations that it needs in its nft table (sets, maps).
        acts: it does something to a packet that matches.
    """

    kind: str
    where: str
    text: str
    names: frozenset[str] = frozenset()
    hidden: str = ""
    extra: str = ""
    acts: bool = True


@dataclass(frozen=True)
class Ruleset:
    """A question and the rules that it meets. ``legacy``: iptables' rules are of the legacy backend."""

    question: Question
    items: tuple[Item, ...] = ()
    legacy: bool = False
    seed: str = ""

    @property
    def hidden(self) -> bool:
        return any(each.hidden for each in self.items)

    @property
    def unlisted(self) -> str:
        """What of its rule is decided by what no listing shows; ``""`` where it has none."""
        return next((each.hidden for each in self.items if each.hidden), "")

    def of(self, *kinds: str) -> tuple[Item, ...]:
        return tuple(each for each in self.items if each.kind in kinds)

    def without(self, at: int) -> Ruleset:
        return replace(self, items=self.items[:at] + self.items[at + 1 :])

    def iptables(self) -> str:
        """What ``iptables-restore`` loads."""
        return "".join(self._tables())

    def _tables(self) -> Iterator[str]:
        rules = self.of("ipt", "policy")
        for table, hooks in HOOKS.items():
            here = [each for each in rules if each.where.split("/")[0] == table]
            if not here:
                continue
            policies = {each.where.split("/")[1]: each.text for each in here if each.kind == "policy"}
            users = sorted(
                {each.where.split("/")[1] for each in here if each.kind == "ipt"} - set(hooks)
                | {word for each in here for word in each.text.split() if word.startswith("U-")}
            )
            yield f"*{table}\n"
            yield from (f":{hook} {policies.get(hook, 'ACCEPT')} [0:0]\n" for hook in hooks)
            yield from (f":{user} - [0:0]\n" for user in users)
            yield from (f"-A {each.where.split('/')[1]} {each.text}\n" for each in here if each.kind == "ipt")
            yield "COMMIT\n"

    def nft(self) -> str:
        """What ``nft -f`` loads."""
        lines = ["flush ruleset"]
        for family in ("inet", "ip", "ip6", "netdev", "bridge"):
            chains = [each for each in self.of("chain") if each.where.split("/")[0] == family]
            if chains:
                lines += [f"table {family} t {{", *self._body(chains), "}"]
        return "\n".join(lines) + "\n"

    def _body(self, chains: list[Item]) -> Iterator[str]:
        rules = self.of("nft")
        names = {each.where.split("/")[1] for each in chains}
        here = [each for each in rules if each.where.split("/")[0] in {chain.where.split("/")[0] for chain in chains}]
        family = chains[0].where.split("/")[0]
        yield from dict.fromkeys(each.extra for each in here if each.extra)
        users = {word for each in here for word in each.text.replace(",", " ").split() if word.startswith("u_")}
        users |= {word for each in here for word in each.extra.replace(",", " ").split() if word.startswith("u_")}
        users |= {each.where.split("/")[1] for each in here} - names
        for user in sorted(users):
            body = [each.text for each in here if each.where == f"{family}/{user}"]
            yield f"chain {user} {{ {' ; '.join(body)} ; }}" if body else f"chain {user} {{ }}"
        for chain in chains:
            body = [each.text for each in here if each.where == chain.where]
            yield f"chain {chain.where.split('/')[1]} {{ {chain.text}\n" + "\n".join(body) + "\n}"

    def ip(self, six: bool) -> str:
        """What ``ip -batch`` runs."""
        wanted = "6" if six else "4"
        return "".join(f"{each.text}\n" for each in self.of("ip") if each.where == wanted)

    def show(self) -> str:
        """All of it, to be read."""
        parts = (
            str(self.question),
            "iptables-legacy" if self.legacy else "",
            self.iptables(),
            self.nft(),
            self.ip(self.question.six),
        )
        return "\n".join(filter(None, parts))


ENOUGH = 6


@dataclass
class Tally:
    """How often each name stood in a ruleset, and how often a rule with it met the packet and did something."""

    stood: dict[str, int] = field(default_factory=dict)
    decided: dict[str, int] = field(default_factory=dict)
    acting: set[str] = field(default_factory=set)

    def add(self, ruleset: Ruleset, met: frozenset[int]) -> None:
        for name in {name for each in ruleset.items for name in each.names}:
            self.stood[name] = self.stood.get(name, 0) + 1
        self.acting |= {name for each in ruleset.items if each.acts and not each.hidden for name in each.names}
        acted = (each for at, each in enumerate(ruleset.items) if at in met and each.acts)
        for name in {name for each in acted for name in each.names}:
            self.decided[name] = self.decided.get(name, 0) + 1

    def lacks(self, item: Item) -> bool:
        """Whether something that an item is an example of has not decided often enough yet."""
        return any(self.decided.get(name, 0) < ENOUGH for name in item.names)

    def merge(self, other: Tally) -> None:
        self.acting |= other.acting
        for mine, theirs in ((self.stood, other.stood), (self.decided, other.decided)):
            for name, count in theirs.items():
                mine[name] = mine.get(name, 0) + count
