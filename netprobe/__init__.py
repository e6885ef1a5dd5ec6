"""netprobe: why does a container connection work, or why does it fail? Proved with packets.

Data flows one way::

    live: hosts, capture, probe ┐               ┌─ packets ─► decode ─► flows ─► journeys ─► paths ─┐
                                ├─► evidence ─►─┤                                                   ├─► causes ─► report
    saved: a file ──────────────┘               └─ text ────► state ──────────► forward ────────────┘
    does I/O                    │ pure from here on: no I/O, no clock, no randomness

* ``hosts`` ``capture`` ``probe`` ``live`` touch sockets, processes and the clock. The lab is a package of its own, ``netprobe_lab``, which only
  knows netprobe from outside.
* ``evidence`` is everything observed about one run, and the one pcapng file that keeps it.
* ``decode`` turns its packets into numpy columns, ``flows`` groups them per capture point, ``journeys`` joins the flows
  across points (through bridges, NAT and docker-proxy), ``paths`` names the way taken.
* ``state`` parses the saved text of host commands, ``forward`` walks the packet through it (the prediction), ``causes`` holds packets and state
  against the catalogue, ``verdict`` says what came of it and why.
* ``pipeline.analyze(evidence) -> Report`` is that whole chain; ``report`` prints the result.

From Python: :func:`explain`, :func:`replay`, :func:`compare`, :func:`read_flows`, :class:`Report`, and the errors that say whose fault it is. They are imported when they are first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as typing has it, which takes longer to import than all of this
if TYPE_CHECKING:
    from netprobe.errors import EnvironmentFault, EvidenceFault, NetprobeError, UsageFault
    from netprobe.flows.model import SeveralFlows
    from netprobe.interface import compare, containers_of, explain, read_flows, replay, replay_each
    from netprobe.model.report import Report

__version__ = "0.1.0"
RELEASE_DATE = "2026-11-30"
"""When this version was made, as the manual page says; a release has the day of its section in CHANGELOG.md."""

__all__ = [
    "EnvironmentFault",
    "EvidenceFault",
    "NetprobeError",
    "Report",
    "SeveralFlows",
    "UsageFault",
    "__version__",
    "compare",
    "containers_of",
    "explain",
    "read_flows",
    "replay",
    "replay_each",
]

_AT = {
    "EnvironmentFault": "errors",
    "EvidenceFault": "errors",
    "NetprobeError": "errors",
    "Report": "model.report",
    "SeveralFlows": "flows.model",
    "UsageFault": "errors",
    "compare": "interface",
    "containers_of": "interface",
    "explain": "interface",
    "read_flows": "interface",
    "replay": "interface",
    "replay_each": "interface",
}


if not TYPE_CHECKING:  # a type checker knows the names from above, and that there are no others

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used (PEP 562)."""
        if name not in _AT:
            raise AttributeError(f"module 'netprobe' has no attribute {name!r}")
        from importlib import import_module

        value: object = getattr(import_module(f"netprobe.{_AT[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
