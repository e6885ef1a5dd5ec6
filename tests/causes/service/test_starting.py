"""A container that does not run is started by the engine, where nothing keeps it from that: on the recorded evidence, with its facts changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.causes.service.starting import starting
from netprobe.pipeline import analyze
from netprobe.state.engine.model import Container, ContainerState, Published
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace
from netprobe.state.sockets import Socket
from tests.causes.altered import commands, recorded

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.evidence.state import HostState
    from netprobe.model.report import Finding


def published(port: int = 8080, address: str = "0.0.0.0", proto: str = "tcp") -> Published:  # noqa: S104
    return Published(host_ip=address, host_port=port, container_port=80, proto=proto)


WEB = Container(
    name="web", id="w", state=ContainerState.EXITED, exit_code=0, published=(published(),), requested=(published(),)
)


def host(*others: Container, sockets: tuple[Socket, ...] = ()) -> Host:
    return Host.known("h", containers=(WEB, *others), own=Namespace.known(sockets=sockets))


def other(at: Published, *, running: bool = True) -> Container:
    state = ContainerState.RUNNING if running else ContainerState.EXITED
    return Container(name="other", id="o", state=state, published=(at,), requested=(at,))


@pytest.mark.parametrize(
    ("there", "refused"),
    [
        (host(), False),
        (host(other(published())), True),
        (host(other(published(address="192.0.2.1"))), True),
        (host(other(published(), running=False)), False),
        (host(other(published(proto="udp"))), False),
        (host(other(published(port=8081))), False),
        (host(sockets=(Socket(proto="tcp", state="LISTEN", local="127.0.0.1", port=8080, process="nginx"),)), True),
        (host(sockets=(Socket(proto="tcp", state="ESTAB", local="192.0.2.1", port=8080, peer_port=9),)), False),
    ],
)
def test_a_port_that_somebody_else_has_is_no_start(there: Host, refused: bool) -> None:
    (remedy,) = starting(there, WEB)
    assert (not remedy.commands) is refused
    assert ("has port 8080/tcp of h" in remedy.advice) is refused


def test_a_port_at_one_address_leaves_the_others() -> None:
    mine = replace(WEB, requested=(published(address="192.0.2.1"),))
    assert starting(host(other(published(address="192.0.2.2"))), mine)[0].commands


def _web(name: str, **state: Any) -> Finding:
    """The cause of a capture with what the engine said of demo's state changed."""

    def changed(each: HostState) -> HostState:
        output = each.outputs.get("containers")
        items = json.loads(output.stdout) if output else []
        for item in items:
            if item["Name"] == "/demo":
                item["State"].update(state)
        return replace(each, outputs={**each.outputs, "containers": replace(output, stdout=json.dumps(items))}) if output else each  # fmt: skip

    whole: Evidence = recorded(name)
    report = analyze(replace(whole, before=tuple(map(changed, whole.before)), after=tuple(map(changed, whole.after))))
    assert report.cause is not None
    assert report.cause.code == "container-stopped"
    return report.cause


def test_one_that_could_not_be_started_is_told_so() -> None:
    cause = _web("container-stopped", Status="created", ExitCode=127)
    assert "the engine could not start it: exit code 127, its command is not in its image" in cause.summary
    assert commands(cause) == ()
    assert "docker start demo says why" in cause.remedies[0].advice


def test_one_that_nobody_started_yet_is_started() -> None:
    assert commands(_web("container-stopped", Status="created", ExitCode=0)) == ("docker start demo",)


def test_the_process_that_has_the_port_is_named() -> None:
    cause = _web("container-stopped-host-answers")
    assert commands(cause) == ()
    assert "nginx has port 80/tcp of server2, which demo asks for" in cause.remedies[0].advice
