"""The section of ``--deep`` on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.commands.outcome import put
from netprobe.commands.show import terminal_columns, wants_colour

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Report


def show_deep(evidence: Evidence, report: Report) -> None:
    """Print the packets that the report rests on: every layer by scapy, the application's by tshark where it is installed."""
    from netprobe.commands.tshark import application_layers
    from netprobe.report.deep import chosen, lay_out
    from netprobe.report.text import printed

    frames = chosen(evidence, report)
    if not frames:
        put("\nno packet to show in depth\n")
        return
    application, note = application_layers(frames)
    document = lay_out(frames, application, note)
    put("\n" + printed(document, columns=terminal_columns(), colour=wants_colour()))
