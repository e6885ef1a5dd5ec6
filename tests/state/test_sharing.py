"""Who shares a namespace, who was left behind in it, and who holds a port of it."""

from __future__ import annotations

from dataclasses import replace

from netprobe.state.namespace import Namespace
from netprobe.state.sharing import holder, moment, owner_restarted
from netprobe.state.sockets import Socket
from tests.worlds import container, host

EARLY, LATE = "2026-11-24T10:30:48.91Z", "2026-11-24T10:30:48.910000001Z"
OWN = replace(container("own", "172.17.0.2"), pid=10, started=EARLY)
SIDE = replace(container("side", netns_of="own"), pid=20, started=LATE)


def listen(port: int, *pids: int) -> Socket:
    return Socket(proto="tcp", state="LISTEN", local="0.0.0.0", port=port, pids=pids)  # noqa: S104 - nothing is bound


def test_moments_are_in_order() -> None:
    assert moment(EARLY) < moment(LATE) < moment("2026-11-24T10:30:49Z")


def test_the_owner_was_started_after_who_joined_it() -> None:
    machine = host("server2", "192.168.3.202", OWN, SIDE)
    assert owner_restarted(machine, SIDE) is None
    assert owner_restarted(machine, replace(SIDE, started="2026-11-24T10:30:48.9Z")) == OWN
    assert owner_restarted(machine, replace(SIDE, started="")) is None
    assert owner_restarted(machine, OWN) is None


def test_whose_port_it_is() -> None:
    machine = host("server2", "192.168.3.202", OWN, SIDE)

    def held(*sockets: Socket) -> str | None:
        machine.namespaces = {"own": Namespace.known(sockets=sockets)}
        found = holder(machine, SIDE, 80, "tcp")
        return found[0].name if found else None

    assert held(listen(80, 11, 10)) == "own"
    assert held(listen(80, 99)) is None  # whose it is, nobody knows
    assert held(listen(80, 10), listen(80, 99)) is None
    assert held(listen(80, 10), listen(81, 20)) is None  # it serves another port: no clash
    assert held() is None
