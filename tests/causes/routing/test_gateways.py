"""rp-filter-multihomed and gateway-endpoint-elsewhere: what each of their facts decides, on recorded evidence with that one fact changed."""

from __future__ import annotations

import pytest

from netprobe.pipeline import analyze
from tests.causes.altered import code, commands, recorded, with_state, without

FILTER, ELSEWHERE = "rp-filter-multihomed", "gateway-endpoint-elsewhere"
SETTING = "net.ipv4.conf.eth0.rp_filter"


def test_the_remedy_names_the_interface() -> None:
    found = analyze(recorded(FILTER)).cause
    assert found is not None
    assert (found.code, commands(found)) == (FILTER, (f"sysctl -w {SETTING}=2",))


@pytest.mark.parametrize("value", ["0", "2"])
def test_the_setting_decides(value: str) -> None:
    """The same packets, while the filter is loose or off: something else lost them."""
    assert code(with_state(recorded(FILTER), "server2", "sysctl", f"{SETTING} = 1", f"{SETTING} = {value}")) != FILTER


def test_unseen_at_the_interface_proves_nothing() -> None:
    assert code(without(recorded(FILTER), "server2/eth0")) != FILTER


def test_the_remedy_leaves_the_other_network() -> None:
    found = analyze(recorded(ELSEWHERE)).cause
    assert found is not None
    assert (found.code, found.remedy[0]) == (ELSEWHERE, "docker network disconnect aa_net demo")


def test_the_remedy_puts_the_default_route_back() -> None:
    found = analyze(recorded("gateway-endpoint-route")).cause
    assert found is not None
    assert found.code == ELSEWHERE
    assert found.remedy[0].endswith("ip route replace default via 172.17.0.1 dev eth0")
