"""What a container engine owns: the shape of its inspect answers, its chains and rules, its name server.

An engine is one class in a file of its own and a line in :data:`~netprobe.state.engine.ENGINES`; nothing else knows its names.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from netprobe.model.rule import RuleRef
    from netprobe.state.engine.model import Container, Network, Proxy, Published
    from netprobe.state.engine.remedies import EngineRemedies
    from netprobe.state.iptables import Rule, Ruleset
    from netprobe.state.issues import Issues
    from netprobe.state.nft import NftRule, NftRuleset


class ChainRole(StrEnum):
    """What an engine has a chain of its own for."""

    USER = "user"  # left to the administrator: it comes before the engine's own rules
    ISOLATION = "isolation"  # keeps networks apart
    OWN = "own"  # everything else that it writes


class ContainerEngine(ABC):
    """One kind of container engine.

    Attributes:
        outputs: the keys of :class:`~netprobe.evidence.state.HostState` that it alone answers.
        version_output, info_output: those of them that tell its version, and how it is set up.
        socket: the URL at which it listens by default.
        embedded_dns: the address at which it serves DNS inside a container's namespace; dns_chain: its nat chain there.
        interfaces: a pattern of the names that it gives to interfaces of a host. default_network: where containers stand that ask for no other.
        mac_prefix: the first two bytes of the link addresses that it gives out.
        fallback_dns: the servers that it gives to containers where the host's resolv.conf names none that they can reach.
        chain: its chain of nat and filter, with the rules for published ports.
        user_chain: the filter chain that it leaves to the administrator. forward_chain: where FORWARD jumps to its own chains.
        nft_table: the table of its nftables backend (families ip and ip6); nft_dnat_chain: its chain there with the rules for published ports;
            nft_source_chain: before a bridge's name, that with the rule that hides what comes from there.
        nft_dns_table: its table inside a container's namespace, which leads lookups to its name server.
        firewalld_zone: the zone that it has firewalld make for its bridges, ``""`` for none.
        remedies: its own commands, as steps that put something right.
    """

    outputs: ClassVar[frozenset[str]]
    version_output: ClassVar[str]
    info_output: ClassVar[str]
    socket: ClassVar[str]
    embedded_dns: ClassVar[str]
    interfaces: ClassVar[str]
    default_network: ClassVar[str]
    mac_prefix: ClassVar[int]
    dns_chain: ClassVar[str]
    fallback_dns: ClassVar[tuple[str, ...]]
    chain: ClassVar[str]
    user_chain: ClassVar[str]
    forward_chain: ClassVar[str]
    nft_table: ClassVar[str]
    nft_dnat_chain: ClassVar[str]
    nft_dns_table: ClassVar[str]
    nft_source_chain: ClassVar[str]
    firewalld_zone: ClassVar[str] = ""
    remedies: ClassVar[EngineRemedies]

    def dnat_place(self, *, nftables: bool, six: bool = False) -> str:
        """Where its rules for published ports stand: ``nat/DOCKER``, ``ip docker-bridges/nat-prerouting-and-output``."""
        return f"{'ip6' if six else 'ip'} {self.nft_table}/{self.nft_dnat_chain}" if nftables else f"nat/{self.chain}"

    def source_nat_place(self, bridge: str, *, nftables: bool, six: bool = False) -> str:
        """Where its rule that hides what comes from a bridge stands: ``nat/POSTROUTING``, ``ip docker-bridges/nat-postrouting-out__docker0``."""
        chain = f"{self.nft_source_chain}{bridge}"
        return f"{'ip6' if six else 'ip'} {self.nft_table}/{chain}" if nftables else "nat/POSTROUTING"

    @abstractmethod
    def containers(self, text: str, issues: Issues) -> tuple[Container, ...] | None:
        """Parse the JSON list of container inspects, in its order; None when the text is no list."""

    @abstractmethod
    def networks(self, text: str, issues: Issues) -> tuple[Network, ...] | None:
        """Parse the JSON list of network inspects; None when the text is no list."""

    @abstractmethod
    def proxies(self, text: str, issues: Issues) -> tuple[Proxy, ...] | None:
        """Parse the JSON list of userland proxies, ``{"pid", "argv"}`` each; None when the text is no list."""

    @abstractmethod
    def version(self, answer: object) -> str | None:
        """Read its version from its answer; None unknown."""

    @abstractmethod
    def uses_nftables(self, answer: object) -> bool | None:
        """Whether it says that its firewall's backend is nftables; None where it does not say."""

    @abstractmethod
    def rootless(self, answer: object) -> bool:
        """Whether it says that it is rootless: its bridges, rules and proxies are then in a network namespace of their own."""

    @abstractmethod
    def chain_role(self, chain: str) -> ChainRole | None:
        """What an iptables chain of this name is for; None: it is not this engine's."""

    @abstractmethod
    def keeps_internal(self, chain: str) -> bool:
        """Whether the rules that close an internal network may stand in this chain."""

    @abstractmethod
    def isolates(self, table: str, rule: Rule | NftRule | None) -> bool:
        """Whether a rule of a built-in chain keeps a container's address from what does not come by its own bridge."""

    @abstractmethod
    def owns(self, rule: RuleRef) -> bool:
        """Whether a rule is the engine's own: it writes such a rule again, and deleting one mends nothing."""

    @abstractmethod
    def closes_to_others(self, rule: Rule | NftRule | None, bridge: str) -> bool:
        """Whether a raw rule drops what comes for an address by another interface than its bridge."""

    @abstractmethod
    def closes_unpublished(self, rule: Rule | NftRule | None, bridge: str = "") -> bool:
        """Whether a rule drops all that comes to a bridge (this one, if given) from outside and that no published port accepted before."""

    @abstractmethod
    def forbids_icc(self, rule: RuleRef, bridge: str) -> bool:
        """Whether a rule of its own drops what one container of this bridge sends to another, as the network's option asks."""

    @abstractmethod
    def nft_dnat_rules(self, nft: NftRuleset, address: str, published: Published) -> tuple[NftRule, ...]:
        """Its own rules of nftables that send what comes for a published port to this address."""

    @abstractmethod
    def nft_in_use(self, nft: NftRuleset, family: str = "ip") -> bool:
        """Whether what arrives, and what the host sends, comes to its own rules of nftables for published ports, of a family (``ip``, ``ip6``)."""

    @abstractmethod
    def filters(self, ruleset: Ruleset | None, bridge: str = "") -> bool:
        """Whether its chains are in the filter table; with a bridge, whether its rules for that bridge are."""

    @abstractmethod
    def translates(self, ruleset: Ruleset | None) -> bool:
        """Whether its chain is in the nat table."""

    @abstractmethod
    def uses_translation(self, ruleset: Ruleset) -> bool:
        """Whether nat has a rule in, or a jump to, its chain."""

    @abstractmethod
    def uses_filter(self, ruleset: Ruleset) -> bool:
        """Whether what is forwarded comes to a chain of its own."""

    @abstractmethod
    def has_chains(self, ruleset: Ruleset) -> bool:
        """Whether the chains are there, and in use, that it writes a container's rules into: else such a container does not start again."""

    @abstractmethod
    def in_nftables(self, nft: NftRuleset | None) -> bool:
        """Whether its own nftables table is there."""

    @abstractmethod
    def lacks_userland_proxy(self, ruleset: Ruleset | None) -> bool:
        """Whether it is known to run without a userland proxy, by the rules that it writes then."""
