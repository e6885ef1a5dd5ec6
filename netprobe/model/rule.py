"""Which firewall rule, or which chain's policy: the one value, and its text forms."""

from __future__ import annotations

import re
from dataclasses import field
from enum import StrEnum
from typing import Final

from netprobe.values import dataclass


class Program(StrEnum):
    """Whose rule it is: the program that shows and changes it."""

    IPTABLES = "iptables"
    IP6TABLES = "ip6tables"
    LEGACY = "iptables-legacy"
    LEGACY6 = "ip6tables-legacy"
    NFT = "nft"


class Hook(StrEnum):
    """A netfilter hook (include/uapi/linux/netfilter.h), or one of an engine's own places within FORWARD."""

    PREROUTING = "PREROUTING"
    INPUT = "INPUT"
    FORWARD = "FORWARD"
    OUTPUT = "OUTPUT"
    POSTROUTING = "POSTROUTING"
    INGRESS = "INGRESS"
    EGRESS = "EGRESS"
    USER = "user chain"
    ISOLATION = "isolation"


_COUNTED: Final = re.compile(r"\bcounter packets \S+ bytes \S+ ?")
_REJECTING: Final = frozenset({"reject", "tarpit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SetElement:
    """An element of a named nftables set or map: ``element`` as nft writes it (``192.0.2.0/24``)."""

    family: str
    table: str
    name: str
    element: str

    def __str__(self) -> str:
        """``192.0.2.0/24 in set banned (ip crowdsec)``."""
        return f"{self.element} in set {self.name} ({self.family} {self.table})"

    @property
    def delete_argv(self) -> tuple[str, ...]:
        """The argv that takes it out of the set."""
        return ("nft", "delete", "element", self.family, self.table, self.name, f"{{ {self.element} }}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRef:
    """One rule, or the policy of a base chain, by where it stands: two are equal when they stand at the same place.

    Attributes:
        program: whose.
        family: nftables' own: ``ip``, ``ip6``, ``inet``, ``bridge``, ``netdev``; ``""`` for iptables.
        table, chain: where it stands.
        number: iptables: from 1, as ``iptables -L --line-numbers`` counts; None for a policy and for nftables.
        handle: nftables: the rule's handle; None for a policy, for iptables, and where it is not told.
        policy: it is the chain's policy.
        text: as saved: ``-A DOCKER … -j DNAT``, ``-P FORWARD DROP``; nftables: in nft's words, ``policy drop``.
        verdict: what it does with a packet: ``DROP``, ``REJECT``, ``DNAT`` … (nftables: ``drop`` …); ``""`` where it only counts.
        elements: nftables: the elements of named sets by which a packet meets it.
    """

    program: Program = Program.IPTABLES
    family: str = ""
    table: str
    chain: str
    number: int | None = None
    handle: int | None = None
    policy: bool = False
    text: str = field(default="", compare=False)
    verdict: str = field(default="", compare=False)
    elements: tuple[SetElement, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        """``nat/DOCKER #2``, ``ip6tables filter/FORWARD policy``, ``inet firewall/input handle 5``."""
        shown = self.program in {Program.IP6TABLES, Program.LEGACY, Program.LEGACY6}
        return f"{self.program} {self.bare}" if shown else self.bare

    @property
    def bare(self) -> str:
        """The same without the program, for sentences that name it: ``filter/FORWARD #1``."""
        if self.policy:
            return f"{self._chain} policy"
        if self.number is not None:
            return f"{self._chain} #{self.number}"
        return self._chain if self.handle is None else f"{self._chain} handle {self.handle}"

    @property
    def component(self) -> str:
        """Table and chain as reports name them: ``filter/INPUT``, ``ip6tables filter/INPUT``, ``inet firewall/input``."""
        return f"{self.program} {self._chain}" if self.program in {Program.IP6TABLES, Program.LEGACY6} else self._chain

    @property
    def shown(self) -> str:
        """The text without a counter and what it had counted."""
        return _COUNTED.sub("", self.text).strip()

    @property
    def rejects(self) -> bool:
        """It answers (RST, ICMP error) instead of staying silent."""
        return self.verdict.lower() in _REJECTING

    @property
    def _chain(self) -> str:
        return f"{self.family} {self.table}/{self.chain}".lstrip()
