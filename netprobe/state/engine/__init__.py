"""What a container engine owns: its inspect answers, its chains and tables, its name server, its words. One file an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state.engine.docker import Docker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.state.engine.base import ChainRole, ContainerEngine

#: Every engine that is known. Where an output does not tell whose it is, the first is meant.
ENGINES: tuple[ContainerEngine, ...] = (Docker(),)

#: The addresses at which engines serve DNS inside a container's namespace.
EMBEDDED_DNS = frozenset(engine.embedded_dns for engine in ENGINES)


def engine_of(outputs: Iterable[str]) -> ContainerEngine:
    """The engine of a host, by the keys of what was asked there."""
    asked = frozenset(outputs)
    return max(ENGINES, key=lambda engine: len(engine.outputs & asked))


def role_of(chain: str) -> ChainRole | None:
    """What an engine has an iptables chain of this name for; None: it is no engine's."""
    return next(filter(None, (engine.chain_role(chain) for engine in ENGINES)), None)
