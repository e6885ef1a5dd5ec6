"""The probe itself: sent by the remote program in the source's namespace, which says how it went."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from netprobe.live.results import probe_result
from netprobe.probe import craft
from netprobe.probe.message import control, largest, payload

if TYPE_CHECKING:
    from netprobe.evidence.model import Probe, ProbeResult
    from netprobe.live.sessions import HostSessions
    from netprobe.probe.target import Target

SPARE_SECONDS = 3.0  # for the way to the host and back


def send(sessions: HostSessions, target: Target, probe: Probe, dialled: str, seconds: float) -> ProbeResult:
    """Send what was planned to the address that is dialled, and wait for its outcome, so many seconds at most.

    Raises:
        HostLostError: the host's session ended.
        RemoteError: it could not be sent.
    """
    answer = sessions.session(probe.source_at.host).within(
        probe.source_at.container,
        "go",
        seconds + SPARE_SECONDS,
        proto=str(probe.proto),
        address=dialled,
        port=probe.dialled_port,
        seconds=seconds,
        ident=craft.identifier(probe.tag),
        payload=base64.b64encode(payload(target, probe.tag, dialled, probe.size)).decode(),
        server_name=target.name,
        control=base64.b64encode(control(target, probe.tag, dialled, probe.size)).decode(),
        most=largest(target, dialled, probe.size),
    )
    return probe_result(answer)
