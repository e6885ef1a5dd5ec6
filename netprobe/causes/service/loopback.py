"""An application that listens on the own loopback address of its container only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.proof.life import told
from netprobe.causes.service.unserved import AT_THE_END, Unserved, target_sockets
from netprobe.model.remedy import advise
from netprobe.model.report import Finding, Where
from netprobe.state.sockets import on_port

if TYPE_CHECKING:
    from netprobe.causes.case import Case


class AppBoundLoopback(Unserved):
    """The application listens on the container's own 127.0.0.1 only.

    What it is: the packet reached the container on its eth0, and the only socket with the port is bound to loopback.
    Why it happens: many servers bind 127.0.0.1 by default. In a container nobody else is there.
    Evidence: the RST from the container itself, and its socket table: 127.0.0.1:PORT. The packets are those of app-not-listening.
    Remedy: bind 0.0.0.0.
    Source: moby#27315.
    """

    code = "app-bound-loopback"
    reads = ("ns/*/sockets",)
    tells = "ss -ltn in the container's network namespace: the address that it listens on"
    symptoms = AT_THE_END

    def find(self, case: Case) -> Finding | None:
        """Fires when the target itself refused, and every socket with the port is bound to loopback, at both moments."""
        known = target_sockets(case)
        if known is None or case.target is None:
            return None
        place, moments, port = known
        found = [on_port(each, port, case.transport) for each in moments]
        if not all(found) or not all(each.loopback for sockets in found for each in sockets):
            return None
        socket = found[-1][0]
        owner = f" ({socket.process})" if socket.process else ""
        bound = socket.bound
        return Finding(
            code=self.code,
            summary=f"{case.target.name} received it and refused it: its {case.transport} port {port} is bound to {socket.local} only",
            where=Where(host=place.host, component=case.target.name),
            evidence=(
                f"{case.story.detail} from {case.target.name} itself: {case.frames}",
                f"socket of {case.target.name}: {bound}{owner}",
                *told(case, place.host, case.target),
            ),
            remedies=(
                advise(
                    place.host, f"let the application in {case.target.name} listen on 0.0.0.0:{port} instead of {bound}"
                ),
            ),
        )
