"""Zeek's ``conn_state`` of finished flows: its connection's state machine, run over the history.

Each letter of the history is one segment (letters.py). Zeek keeps a state for either end (``TCPSessionAdapter::UpdateStateMachine``), and of the two
``conn_state`` (base/protocols/conn/main.zeek) makes one word. All flows take their n-th letter in step, by a table of what each letter does to the
states of its sender and of the other end.

Source: docs.zeek.org, conn.log and base/protocols/conn/main.zeek.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Flag, Kind
from netprobe.flowtable.columns import HISTORY, ConnState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.decode.chunk import Mask
    from netprobe.flowtable.columns import FlowRows

_STATES = 8
_SMALL = 0x20


class EndState(IntEnum):
    """One end's state, as Zeek names it (analyzer/protocol/tcp/TCP_Endpoint.h)."""

    INACTIVE = 0
    SYN_SENT = 1
    SYN_ACK_SENT = 2
    PARTIAL = 3
    ESTABLISHED = 4
    CLOSED = 5
    RESET = 6
    RESET_CLOSED = 7  # RESET of an end that was CLOSED


_HANDSHAKE = (EndState.SYN_SENT, EndState.SYN_ACK_SENT)
_INACTIVE = (EndState.INACTIVE, EndState.PARTIAL)


def _step(letter: str, mine: EndState, other: EndState, *, client: bool) -> tuple[EndState, EndState]:
    """What one letter makes of the states of its sender and of the other end. ``P`` is Q of SYN and RST; Q itself is SYN and FIN."""
    syn, fin, rst = letter in "SHQP", letter in "FIQ", letter in "RIP"
    if mine == EndState.INACTIVE:
        return _woken(letter, other, client=client)
    if mine in _HANDSHAKE or mine in (EndState.PARTIAL, EndState.ESTABLISHED):
        if mine == EndState.PARTIAL and syn and letter != "H" and other == EndState.INACTIVE:
            mine = EndState.SYN_SENT
        if fin and mine in _HANDSHAKE:
            mine = EndState.CLOSED
        elif fin and not rst:  # a FIN, then a reset behind it: the other end's own FIN makes that an ordinary end
            mine, other = EndState.CLOSED, EndState.CLOSED if other == EndState.RESET_CLOSED else other
        return (EndState.RESET, other) if rst else (mine, other)
    if mine == EndState.CLOSED and rst and other != EndState.CLOSED:
        return EndState.RESET_CLOSED, other
    return mine, other


def _woken(letter: str, other: EndState, *, client: bool) -> tuple[EndState, EndState]:
    """The first letter of an end."""
    mine = EndState.INACTIVE
    if letter in "SHQP":
        if client:
            mine = EndState.SYN_ACK_SENT if letter == "H" else EndState.SYN_SENT
        else:
            mine = EndState.ESTABLISHED
            other = EndState.ESTABLISHED if other == EndState.SYN_SENT else other
    if letter in "FIQ":
        mine = EndState.CLOSED
    if letter in "RIP":
        mine = EndState.RESET
    if mine != EndState.INACTIVE or (not client and letter == "A" and other == EndState.SYN_SENT):
        return mine, other
    return (EndState.ESTABLISHED if letter in "AD" and other == EndState.ESTABLISHED else EndState.PARTIAL), other


@cache
def _table() -> NDArray[np.uint8]:
    """The states behind each letter: [byte, client's * 7 + server's] -> the same pair; bytes that are no such letter change nothing."""
    out = np.tile(np.arange(_STATES * _STATES, dtype=np.uint8), (256, 1))
    for letter in "SHADFRQPI":
        for first in EndState:
            for second in EndState:
                mine, other = _step(letter, first, second, client=True)
                out[ord(letter), first * _STATES + second] = mine * _STATES + other
                mine, other = _step(letter, second, first, client=False)
                out[ord(letter) + _SMALL, first * _STATES + second] = other * _STATES + mine
    return out


def conn_states(rows: FlowRows) -> NDArray[np.uint8]:
    """The :class:`ConnState` of each flow.

    Args:
        rows: finished: side 0 is the client.
    """
    history, pair = rows["history"].copy(), np.zeros(len(rows), np.uint8)
    for side in (0, 1):  # of SYN and another flag the history does not say which
        reset = (rows["flags"][:, side] & (Flag.FIN | Flag.RST)) == Flag.RST
        small = _SMALL * side
        history[reset] = np.where(history[reset] == ord("Q") + small, ord("P") + small, history[reset])
    table = _table()
    for place in range(HISTORY):
        column = history[:, place]
        if not column.any():
            break
        pair = table[column, pair]
    client, server = pair // _STATES, pair % _STATES
    out = _named(rows, client, server)
    out[rows["kind"] != Kind.TCP] = ConnState.NONE
    return out


def _named(rows: FlowRows, client: NDArray[np.uint8], server: NDArray[np.uint8]) -> NDArray[np.uint8]:
    client, server = (np.where(end == EndState.RESET_CLOSED, EndState.RESET, end) for end in (client, server))
    silent, unheard = np.isin(client, _INACTIVE), np.isin(server, _INACTIVE)
    empty = (rows["payload"] == 0).all(axis=1)
    refused = np.isin(client, _HANDSHAKE) | ((client == EndState.RESET) & empty)
    reset, aborted = server == EndState.RESET, client == EndState.RESET
    closed, shut = client == EndState.CLOSED, server == EndState.CLOSED
    cases: tuple[tuple[Mask, ConnState], ...] = (
        (reset & refused, ConnState.REJ),
        (reset & silent, ConnState.RSTRH),
        (reset, ConnState.RSTR),
        (aborted & unheard & _opened_and_reset(rows["history"]), ConnState.RSTOS0),
        (aborted & unheard, ConnState.OTH),
        (aborted, ConnState.RSTO),
        (closed & shut, ConnState.SF),
        (closed & unheard, ConnState.SH),
        (closed, ConnState.S2),
        (shut & silent, ConnState.SHR),
        (shut, ConnState.S3),
        ((client == EndState.SYN_SENT) & (server == EndState.INACTIVE), ConnState.S0),
        ((client == EndState.ESTABLISHED) & (server == EndState.ESTABLISHED), ConnState.S1),
    )
    return np.select([case for case, _ in cases], [int(state) for _, state in cases], int(ConnState.OTH)).astype(
        np.uint8
    )


def _opened_and_reset(history: NDArray[np.uint8]) -> Mask:
    """Whether histories are a SYN and, with nothing of the client's but data between, its RST: ``S[^HAFGIQ]*R.*`` of main.zeek."""
    other = np.isin(history, np.frombuffer(b"HAFGIQ", np.uint8))
    first_other = np.where(other.any(axis=1), other.argmax(axis=1), HISTORY)
    reset = history == ord("R")
    first_reset = np.where(reset.any(axis=1), reset.argmax(axis=1), HISTORY)
    return np.asarray((history[:, 0] == ord("S")) & (first_reset < HISTORY) & (first_reset < first_other), np.bool_)
