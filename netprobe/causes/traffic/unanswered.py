"""Trouble of what TCP connections carry: a client that is heard and not answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.causes.traffic.base import STANDS, TcpTrouble, count_bytes, span
from netprobe.paths.story import Symptom
from netprobe.paths.tcp import FIN, RST, TcpStage

if TYPE_CHECKING:
    from netprobe.causes.traffic.base import Segments
    from netprobe.model.report import Finding

_WAITED = 1.0  # seconds until the client gives up
_REST, _APART = 5.0, 600.0  # seconds to the end of a capture; more are files that were put together


class EndedUnanswered(TcpTrouble):
    """The server ended the connection, and had not sent a byte to what the client said.

    What it is: the client's data came and was acknowledged by the server's kernel; its application closed the connection without a word.
    Why it happens: a request that the application does not take (another protocol, TLS where it wants none or none where it wants TLS); an idle time-out
        while the client still sent; a proxy whose own server is away; a process that ended.
    Evidence: the client's data, and the server's end, which stands behind no byte.
    Remedy: the log of the server's application at that time.
    Source: RFC 9293 section 3.6 (closing); RFC 9112 section 9.5 (a server that closes on a time-out).
    """

    code = "ended-unanswered"
    symptoms = STANDS | {Symptom.CLOSED}

    def told(self, seen: Segments) -> Finding | None:
        """Fires where the server's FIN comes before the client's, and nothing was sent before it."""
        talk, who = seen.talk, str(seen.flow.server.unpack())
        ends = np.flatnonzero(talk.server.having(FIN))
        said = np.flatnonzero((talk.client.size > 0) & ~talk.client.having(RST))
        if not len(ends) or not len(said) or talk.served or talk.client_closed_first:
            return None
        end, first = int(talk.server.rows[ends[0]]), int(talk.client.rows[said[0]])
        if seen.seconds(first, end) < 0:
            return None
        size = int((talk.client.begin + talk.client.size)[said].max() - talk.client.begin[said].min())
        return self.finding(
            f"{who} ended the connection {span(seen.seconds(first, end))} after the client's first of {count_bytes(size)}, and had not sent one",
            f"the client's first data, and the server's end: {seen.frames([first, end])}",
            at=who,
        )


class DataUnanswered(TcpTrouble):
    """What the client said was acknowledged, and the server said nothing, until the client gave up or the capture ended.

    What it is: the server's kernel took the client's data; its application did not answer for a second and more, and did not end the connection either.
    Why it happens: an application that hangs, or waits for something itself (a database, a lock, another service); one that waits for the rest of a request; a
        listener whose application accepts nothing (its backlog takes connections and data all the same); a protocol in which the server says nothing (a log's).
    Evidence: the client's data, the acknowledgement, and how the client ended the connection.
    Remedy: look at that application: ss -tnp on its host (Recv-Q above 0: it did not read the request), its log, its threads.
    Source: RFC 9293 section 3.9.1 (what is acknowledged was received, not read); ss(8).
    """

    code = "data-unanswered"
    symptoms = frozenset({Symptom.OK})

    def told(self, seen: Segments) -> Finding | None:
        """Fires where all of the client's data was acknowledged, and the server, of whom all was captured, sent no byte and no end."""
        talk, who = seen.talk, str(seen.flow.server.unpack())
        client, server = talk.client, talk.server
        said = np.flatnonzero((client.size > 0) & ~client.having(RST))
        if talk.stage is not TcpStage.ESTABLISHED or not len(said) or talk.served or server.having(FIN | RST).any():
            return None
        size = int((client.begin + client.size)[said].max())
        new = said[client.begin[said] + client.size[said] == size][0]
        if not talk.known[0] or server.acked < size:
            return None
        last, ends = int(client.rows[new]), np.flatnonzero(client.having(FIN | RST))
        end = int(client.rows[ends[0]]) if len(ends) else int(np.argmax(seen.case.table.packets.time_ns))
        waited = seen.seconds(last, end)
        if waited < _WAITED if len(ends) else not _REST <= waited <= _APART:
            return None
        until = "until the client ended the connection" if len(ends) else "to the end of the capture"
        heard = int(server.rows[server.plain & (server.ack >= size)][0])
        return self.finding(
            f"{who} acknowledged {count_bytes(size)} of the client's, and sent none in {span(waited)}, {until}",
            f"the client's last data, and its acknowledgement: {seen.frames([last, heard])}",
            f"the client's end: {seen.frames([end])}" if len(ends) else "",
            at=who,
        )
