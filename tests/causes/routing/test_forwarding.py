"""ip-forward-off and missing-return-route: what each of their facts decides, on recorded evidence with that one fact changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.pipeline import analyze
from tests.causes.altered import code, commands, lossy, only, recorded, with_state, without

OFF, NO_WAY_BACK = "ip-forward-off", "missing-return-route"


@pytest.mark.parametrize(
    ("name", "setting", "host"),
    [
        (OFF, "net.ipv4.ip_forward", "server2"),
        ("ip-forward-off-egress", "net.ipv4.ip_forward", "server2"),
        ("ip-forward-off-interface", "net.ipv4.conf.eth0.forwarding", "server2"),
        ("ip-forward-off-reply", "net.ipv4.conf.docker0.forwarding", "server2"),
        ("ip-forward-off-v6", "net.ipv6.conf.all.forwarding", "server2"),
        ("macvlan-router-off", "net.ipv4.ip_forward", "router"),
    ],
)
def test_the_remedy_names_the_setting_that_decides(name: str, setting: str, host: str) -> None:
    found = analyze(recorded(name)).cause
    assert found is not None
    assert (found.code, commands(found), found.remedies[0].host) == (OFF, (f"sysctl -w {setting}=1",), host)


def test_an_answer_is_told_by_its_own_frames() -> None:
    """At docker0 both directions passed: the evidence names the answer's frame alone."""
    report = analyze(recorded("ip-forward-off-reply"))
    [answer] = [hop for hop in report.hops if hop.point == "server2/docker0" and hop.direction.value == "reply"]
    assert report.cause is not None
    assert answer.packet is not None
    assert report.cause.evidence[0] == f"the answer was last seen at server2/docker0: frame {answer.packet.frame}"


@pytest.mark.parametrize("name", ["ip-forward-off-interface", "ip-forward-off-reply"])
def test_the_setting_decides(name: str) -> None:
    """The same packets, while every interface forwards: something else lost them."""
    evidence = with_state(recorded(name), "server2", "sysctl", "forwarding = 0", "forwarding = 1")
    assert code(evidence) is None


def test_a_setting_that_is_not_known_proves_nothing() -> None:
    """Without the settings nobody knows whether the host forwards."""
    evidence = with_state(recorded(OFF), "server2", "sysctl", "forward", "unread")
    report = analyze(evidence)
    assert (report.verdict.value, report.cause) == ("undetermined", None)
    assert OFF in report.alternatives


def test_force_forwarding_overrides_the_ipv6_switch() -> None:
    """Linux 6.17 and later: the incoming interface's own setting lets it pass."""
    old = "net.ipv6.conf.br-v28.force_forwarding = 0"
    evidence = with_state(recorded("ip-forward-off-v6"), "server2", "sysctl", old, old.replace("= 0", "= 1"))
    assert code(evidence) is None


@pytest.mark.parametrize(
    ("name", "host", "remedy"),
    [
        (NO_WAY_BACK, "outside", ("ip route add 172.25.0.0/24 via 192.168.3.202",)),
        (f"{NO_WAY_BACK}-router", "router", ("ip route add 172.25.0.0/24 via 192.168.3.202",)),
        (f"{NO_WAY_BACK}-host", "server2", ("ip route add 172.27.0.0/24 via 192.168.3.201",)),
        (f"{NO_WAY_BACK}-default", "outside", ("ip route add 172.28.0.0/24 via 192.168.3.202",)),
        (
            f"{NO_WAY_BACK}-blackhole",
            "outside",
            ("ip route del blackhole 172.28.0.0/24", "ip route add 172.28.0.0/24 via 192.168.3.202"),
        ),
    ],
)
def test_the_remedy_is_a_route_where_it_is_missing(name: str, host: str, remedy: tuple[str, ...]) -> None:
    found = analyze(recorded(name)).cause
    assert found is not None
    assert (found.code, found.remedies[0].host, commands(found)) == (NO_WAY_BACK, host, remedy)


def test_a_refusing_route_of_a_wider_prefix_may_stay() -> None:
    """The new route is more specific: nothing has to go first."""
    evidence = with_state(recorded(f"{NO_WAY_BACK}-blackhole"), "outside", "route", "172.28.0.0/24", "172.16.0.0/12")
    found = analyze(evidence).cause
    assert found is not None
    assert commands(found) == ("ip route add 172.28.0.0/24 via 192.168.3.202",)
    assert found.where.rule == "blackhole 172.16.0.0/12"


_OPTION = "com.docker.network.bridge."
_UNMASQUERADED = f'"{_OPTION}enable_ip_masquerade": "false"'


def test_a_network_that_is_meant_to_be_masqueraded_needs_no_way_back() -> None:
    """Then the masquerading is what is missing."""
    evidence = with_state(recorded(NO_WAY_BACK), "server2", "networks", _UNMASQUERADED, f'"{_OPTION}name2": ""')
    assert code(evidence) == "masquerade-missing"


def test_gateway_mode_routed_is_not_masqueraded() -> None:
    """Engine 27 and later say it by another option."""
    routed = f'"{_OPTION}gateway_mode_ipv4": "routed"'
    evidence = with_state(recorded(NO_WAY_BACK), "server2", "networks", _UNMASQUERADED, routed)
    assert code(evidence) == NO_WAY_BACK


def test_what_the_peer_does_not_get_it_does_not_answer() -> None:
    """Without the request at the peer its routes are not to blame."""
    assert code(without(recorded(NO_WAY_BACK), "outside/eth0")) is None


class TestByAnUnknownRouter:
    """The answer leaves for a router that no inventory knows: likely only, and only where every fact agrees."""

    name = f"{NO_WAY_BACK}-default"

    def test_is_likely(self) -> None:
        found = analyze(recorded(self.name)).cause
        assert found is not None
        assert (found.code, found.confidence.value) == (NO_WAY_BACK, "likely")

    def test_the_answer_must_be_seen_to_leave(self) -> None:
        """The request alone at the peer: nobody knows what became of the answer."""
        evidence = recorded(self.name)
        reply = next(hop for hop in analyze(evidence).hops if hop.direction.value == "reply" and hop.packet)
        assert reply.packet is not None
        assert code(only(evidence, evidence.packets.frame < reply.packet.frame)) is None

    def test_the_source_s_host_must_have_been_watched(self) -> None:
        """A sniffer that dropped packets may have missed the answer."""
        assert code(lossy(recorded(self.name), "server2/eth0")) is None

    def test_a_second_uplink_that_nobody_watched(self) -> None:
        """The router may have brought the answer to another interface of the source's host."""
        old = '"addr_info":[{"family":"inet","local":"192.168.3.202"'
        more = '"addr_info":[{"family":"inet","local":"192.168.9.202","prefixlen":24,"scope":"global"},'
        evidence = recorded(self.name)
        [state] = [each for each in evidence.before if each.host == "server2"]
        assert old in state.outputs["addr"].stdout
        text = state.outputs["addr"].stdout
        at = text.index('"addr_info":[', text.index('"ifname":"eth1"'))
        told = replace(state.outputs["addr"], stdout=text[:at] + more + text[at + len('"addr_info":[') :])
        before = tuple(
            replace(each, outputs={**each.outputs, "addr": told}) if each is state else each for each in evidence.before
        )
        assert code(replace(evidence, before=before)) is None

    def test_a_route_by_the_right_host_is_none_that_is_missing(self) -> None:
        """Then the network lost the answer, or nobody knows."""
        assert code(with_state(recorded(self.name), "outside", "route", "192.168.3.77", "192.168.3.202")) != NO_WAY_BACK
