"""What the owner of a rule is asked to let through: one connection, as rules see it where the rule stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.state.address import prefix
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.model.endpoint import Endpoint
    from netprobe.model.rule import Hook, RuleRef
    from netprobe.state.model import Host

_BY_SOURCE = re.compile(r"(?<!! )(?<!\S)-s [0-9a-f]|(?<!! )--match-set \S+ src|saddr (?!!=)")
_SOURCE = re.compile(r"(?<!! )(?<!\S)(?:-s (\S+)|ip6? saddr ([0-9a-f][^\s,}]*))")
_WHOLE = re.compile(r"/(32|128)$")
KEPT = "it stays so after a reboot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What an owner is asked to let through.

    Attributes:
        host: where.
        rule: what stops it. hook: where that stands.
        transport: ``tcp``, ``udp``, ``icmp``.
        to: the destination as rules see it there; source: from where, ``""`` not known. network: the container network that it is of.
        device: the interface by which it came, ``""`` not known.
        via: the interface by which alone it is let in, ``""`` any.
        whom: ``port 80/tcp of demo``.
    """

    host: Host
    rule: RuleRef
    hook: Hook
    transport: str
    to: Endpoint
    source: str
    network: str
    device: str
    via: str
    whom: str

    @property
    def by_source(self) -> bool:
        """Whether the rule chose the packet by its source."""
        return _BY_SOURCE.search(self.rule.text) is not None

    @property
    def banned(self) -> str:
        """Whom such a rule means: its own source (a network as it is written), else the one element of its set, else who sent the packet; ``""``."""
        own = _SOURCE.search(self.rule.text)
        elements = self.rule.elements
        found = (own[1] or own[2]) if own else elements[0].element if len(elements) == 1 else ""
        found = found if prefix(found) is not None else ""  # a set may hold neighbours as one range
        return _WHOLE.sub("", found) or self.source

    @property
    def sender(self) -> str:
        """From whom alone it is let in, where the rule chose by source; ``""`` from everybody."""
        return (self.source or self.banned) if self.by_source else ""
