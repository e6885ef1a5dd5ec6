"""A container's /etc/resolv.conf that somebody else wrote, and containers that do not run: whose fault a failed lookup is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.causes.proof.life import away_by_name
from netprobe.evidence.model import Proto
from netprobe.model.remedy import lines
from netprobe.pipeline import analyze
from netprobe.state.build import build_world
from tests.causes.altered import recorded, with_state

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Finding


def _cause(evidence: Evidence) -> Finding:
    cause = analyze(evidence).cause
    assert cause is not None
    return cause


def _written(name: str, source: str) -> Evidence:
    """A capture whose source asks another server than the embedded one."""
    return with_state(recorded(name), "server2", f"ns/{source}/resolv-conf", "127.0.0.11", "10.9.9.9")


def test_a_container_that_runs_and_is_denied_by_the_server_in_place_of_dockers() -> None:
    written = _written("compose-stopped-by-service", "shop-worker-1")
    cause = _cause(with_state(written, "server2", "containers", '"Status": "exited"', '"Status": "running"'))
    assert cause.code == "name-answered-elsewhere"
    assert "shop-worker-1's /etc/resolv.conf names 10.9.9.9 in place of Docker's 127.0.0.11" in cause.summary
    assert "docker restart shop-worker-1" in lines(cause.remedies)


def test_one_that_does_not_run_is_stopped_whoever_was_asked() -> None:
    assert _cause(_written("compose-stopped-by-service", "shop-worker-1")).code == "container-stopped"


def test_a_shared_network_does_not_help_who_asks_another_server() -> None:
    cause = _cause(_written("compose-no-such-service", "blog-web-1"))
    assert cause.code == "dns-no-shared-network"
    assert lines(cause.remedies)[-2] == "docker restart blog-web-1"
    assert "docker restart" not in " ".join(lines(_cause(recorded("compose-no-such-service")).remedies))


def test_a_name_that_is_asked_of_the_name_server_alone_is_that_of_the_container_that_stopped() -> None:
    evidence = recorded("compose-stopped-by-service")
    assert evidence.probe is not None
    asked = replace(evidence, probe=replace(evidence.probe, proto=Proto.DNS, target="web", target_at=None))
    cause = _cause(asked)
    assert (cause.code, cause.where.component) == ("container-stopped", "shop-web-1")


@pytest.mark.parametrize(("name", "found"), [("web", "shop-web-1"), ("WEB.", "shop-web-1"), ("nobody", None)])
def test_a_container_is_away_by_a_name_that_it_alone_has(name: str, found: str | None) -> None:
    host = build_world(recorded("compose-stopped-by-service")).before["server2"]
    source = host.container("shop-worker-1")
    assert source is not None
    away = away_by_name(host, source, name)
    assert (away.name if away else None) == found
