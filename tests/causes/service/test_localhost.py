"""localhost in a container: who has the port, by sockets, publications and images, on the recorded evidence."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netprobe.pipeline import analyze
from tests.causes.altered import code, recorded, with_state, without_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.evidence.model import Evidence
    from netprobe.evidence.state import HostState

CODE = "localhost-is-the-container"


def changed(evidence: Evidence, name: str, change: Callable[[dict[str, Any]], None]) -> Evidence:
    """What the engine said of one container changed, at both moments."""

    def state(each: HostState) -> HostState:
        output = each.outputs.get("containers")
        if output is None:
            return each
        items = json.loads(output.stdout)
        for item in items:
            if item["Name"] == f"/{name}":
                change(item)
        return replace(each, outputs={**each.outputs, "containers": replace(output, stdout=json.dumps(items))})

    return replace(evidence, before=tuple(map(state, evidence.before)), after=tuple(map(state, evidence.after)))


def exposes(item: dict[str, Any]) -> None:
    item["Config"]["ExposedPorts"] = {"8000/tcp": {}}


def fix(evidence: Evidence) -> str:
    cause = analyze(evidence).cause
    assert cause is not None
    assert cause.code == CODE
    return " ".join(cause.remedy)


def test_the_neighbours_name_and_its_own_port() -> None:
    assert "dial api:8000 instead of localhost" in fix(recorded("localhost-is-the-container"))
    assert "dial web:80 instead of localhost" in fix(recorded("localhost-published"))


def test_a_service_is_called_by_its_name() -> None:
    def composed(item: dict[str, Any]) -> None:
        labels = {"project": "shop", "service": "backend", "container-number": "1", "oneoff": "False"}
        item["Config"]["Labels"] = {f"com.docker.compose.{key}": value for key, value in labels.items()}

    assert "dial backend:8000" in fix(changed(recorded("localhost-is-the-container"), "api", composed))


def test_one_whose_own_port_it_is_misses_its_application() -> None:
    assert code(changed(recorded("localhost-is-the-container"), "client", exposes)) != CODE


def test_a_neighbour_that_was_not_looked_into_is_known_by_its_image() -> None:
    whole = recorded("localhost-is-the-container")

    def unseen(each: HostState) -> HostState:
        return replace(each, outputs={key: out for key, out in each.outputs.items() if not key.startswith("ns/api/")})

    whole = replace(whole, before=tuple(map(unseen, whole.before)), after=tuple(map(unseen, whole.after)))
    assert code(whole) != CODE
    cause = analyze(changed(whole, "api", exposes)).cause
    assert cause is not None
    assert (cause.code, cause.confidence) == (CODE, "likely")


def test_the_hosts_socket_takes_a_name_for_the_host() -> None:
    whole = recorded("localhost-of-the-host")
    assert "--add-host" not in fix(whole)

    def untold(item: dict[str, Any]) -> None:
        item["HostConfig"]["ExtraHosts"] = None

    assert "--add-host=host.docker.internal:host-gateway" in fix(changed(whole, "client", untold))
    assert "listen on more than 127.0.0.1" in fix(with_state(whole, "server2", "sockets", "*:8000", "127.0.0.1:8000"))


def test_where_sockets_are_not_known_nothing_is_said() -> None:
    report = analyze(without_key(recorded("localhost-is-the-container"), "ns/client/sockets"))
    assert report.cause is None
    assert CODE in report.alternatives


def test_a_published_port_is_the_hosts() -> None:
    cause = analyze(recorded("published-port-inside")).cause
    assert cause is not None
    assert (cause.code, "ask web:80 instead of web:8080" in " ".join(cause.remedy)) == ("app-not-listening", True)
