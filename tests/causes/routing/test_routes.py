"""Routes that are missing: which destination, and what puts it right."""

from __future__ import annotations

from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded, with_state


def test_the_lost_route_to_an_engines_bridge_is_the_one_that_the_kernel_makes() -> None:
    """The host routes what DNAT made of the dialled address: the container's, not its own."""
    evidence = recorded("ip-forward-off")
    for name in ("ip_forward", "conf.eth0.forwarding", "conf.docker0.forwarding"):
        evidence = with_state(evidence, "server2", "sysctl", f"net.ipv4.{name} = 0", f"net.ipv4.{name} = 1")
    route = (
        '{"dst":"172.17.0.0/16","dev":"docker0","protocol":"kernel","scope":"link","prefsrc":"172.17.0.1","flags":[]},'
    )
    cause = analyze(with_state(evidence, "server2", "route", route, "")).cause
    assert cause is not None
    assert cause.code == "no-route"
    assert cause.summary.startswith("server2 has no route to 172.17.0.2:")
    assert commands(cause) == ("ip route add 172.17.0.0/16 dev docker0 src 172.17.0.1",)
