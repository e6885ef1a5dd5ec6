"""How a TLS handshake went, by what both sides sent (RFC 8446 §2 and §6, RFC 5246 §7.2): bytes in, one word out.

What follows ServerHello is encrypted in TLS 1.3: that both sides went on to application data is all that shows. There the prober's word counts.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from netprobe.decode.tls import version_name
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.decode.tls import Alert, Side

_TLS_1_3: Final = 0x0304
_DECODE_ERROR: Final = 50
_FINISHED_AND_MORE: Final = 2  # records of a client's: Finished, and what it then has to say


class Handshake(StrEnum):
    """The handshake in one word; all but NONE, DONE and the two that wait are a failure."""

    NONE = "none"  # the client sent no ClientHello
    DONE = "done"
    UNANSWERED = "unanswered"  # no byte came back, and no end
    PARTIAL = "partial"  # it began, and did not end
    FOREIGN = "foreign"  # the server's bytes are no TLS
    REFUSED = "refused"  # the server sent an alert
    DECLINED = "declined"  # the client sent an alert
    ENDED = "ended"  # the server closed or reset it without an alert


FAILED: Final = frozenset({Handshake.FOREIGN, Handshake.REFUSED, Handshake.DECLINED, Handshake.ENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsExchange:
    """A handshake as it was captured.

    Attributes:
        handshake: how it went.
        client, server: what each side sent, as far as it is in clear.
        end: ``FIN`` or ``RST`` of the server's, ``""`` none.
        time_ns: when the server first said something (Unix time, ns); None where it did not.
        frames: Wireshark's numbers of the ClientHello, of the server's first bytes, of the alert that ended it, and of an end without one, where they
            were captured.
    """

    handshake: Handshake
    client: Side
    server: Side
    end: str = ""
    time_ns: int | None = None
    frames: tuple[int, ...] = ()

    @property
    def alert(self) -> Alert | None:
        """The alert that ended it, whoever sent it."""
        return self.server.alert or self.client.alert

    @property
    def detail(self) -> str:
        """One phrase: ``the server sent the alert handshake_failure``."""
        return _DETAIL[self.handshake].format(
            alert=self.alert.name if self.alert is not None else "encrypted",
            version=version_name(self.server.version) if self.server.version is not None else "no ServerHello",
            end=self.end,
            records=self.server.records,
        )


_DETAIL: Final = {
    Handshake.NONE: "no ClientHello was sent",
    Handshake.DONE: "the TLS handshake was completed ({version})",
    Handshake.UNANSWERED: "no byte of an answer to the ClientHello",
    Handshake.PARTIAL: "{records} TLS records of a handshake that did not end",
    Handshake.FOREIGN: "an answer that is not TLS",
    Handshake.REFUSED: "the server sent the alert {alert}",
    Handshake.DECLINED: "the client sent an alert ({alert}, {version})",
    Handshake.ENDED: "a {end} of the server's, and no alert",
}


def judge_handshake(client: Side, server: Side, end: str) -> Handshake:
    """Tell how a handshake went.

    Args:
        client: what the one sent.
        server: what the other sent.
        end: ``FIN`` or ``RST`` of the server's, ``""`` where it did not end the connection.
    """
    if client.client_hello is None:
        return Handshake.NONE
    if server.foreign:
        return Handshake.FOREIGN
    if server.alert is not None and server.alert.fatal:
        return Handshake.REFUSED
    if client.alert is not None and client.alert.fatal and not _answers_an_end(client.alert, server, end):
        return Handshake.DECLINED
    if client.says_alert and (server.version or 0) >= _TLS_1_3:
        return Handshake.DECLINED
    if _is_done(client, server):
        return Handshake.DONE
    if end:
        return Handshake.ENDED
    return Handshake.PARTIAL if server.records else Handshake.UNANSWERED


def _answers_an_end(alert: Alert, server: Side, end: str) -> bool:
    """Whether a client's alert says no more than that the server was gone: OpenSSL sends decode_error behind an end that it did not expect."""
    return bool(end) and (not server.records or alert.code == _DECODE_ERROR)


def _is_done(client: Side, server: Side) -> bool:
    """Whether both sides sent Finished, or the client went on to application data: in TLS 1.3 its Finished is the first record that looks like it."""
    if server.version is not None and server.version >= _TLS_1_3:
        return client.data >= _FINISHED_AND_MORE
    return client.data > 0 or (server.finished and (client.finished or server.data > 0))
