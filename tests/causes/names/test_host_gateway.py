"""host.docker.internal: what ExtraHosts and the address of the bridge decide, on the recorded evidence."""

from __future__ import annotations

from netprobe.pipeline import analyze
from tests.causes.altered import code, commands, recorded, with_state, without_key

NAME = "host-gateway-not-set"


def test_the_line_has_the_address_of_the_bridge() -> None:
    cause = analyze(recorded(NAME)).cause
    assert cause is not None
    assert commands(cause) == ("docker exec client sh -c 'echo 172.17.0.1 host.docker.internal >> /etc/hosts'",)
    assert "--add-host=host.docker.internal:host-gateway" in " ".join(cause.remedy)


def test_one_that_was_told_lacks_no_option() -> None:
    told = with_state(
        recorded(NAME),
        "server2",
        "containers",
        '"ExtraHosts": null',
        '"ExtraHosts": ["host.docker.internal:172.17.0.1"]',
    )
    assert code(told) != NAME


def test_without_the_containers_nothing_is_said() -> None:
    report = analyze(without_key(recorded(NAME), "containers"))
    assert report.cause is None
    assert NAME in report.alternatives
