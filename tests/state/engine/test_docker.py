from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netprobe.model.rule import Program, RuleRef
from netprobe.report.escape import visible
from netprobe.state.engine import EMBEDDED_DNS, ENGINES, engine_of, role_of
from netprobe.state.engine.base import ChainRole
from netprobe.state.engine.docker import Docker, parse_containers, parse_networks
from netprobe.state.engine.model import ContainerState
from netprobe.state.iptables_parse import parse_iptables
from netprobe.state.issues import Issues
from netprobe.state.nft_parse import parse_nft

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.state.iptables import Rule

DOCKER = Docker()


def rule_from(table: str, text: str) -> Rule:
    """One rule as iptables-save has it."""
    rules = parse_iptables(f"*{table}\n{text}\nCOMMIT\n", Issues("iptables"))
    assert rules is not None
    return next(rules.rules())


def read(parser: Callable[..., Any], text: str, issues: Issues, **more: str) -> Any:
    """Parse a text that can be read: an unknown value fails the test where it is used."""
    return parser(text, issues, **more)


def test_a_running_container(server2: Any) -> None:
    demo = server2.container("demo")
    assert (demo.state, demo.running, demo.image, demo.network_mode) == (
        ContainerState.RUNNING,
        True,
        "nginx",
        "default",
    )
    assert demo.pid > 0
    assert sorted(map(str, demo.published)) == [
        "0.0.0.0:80->80/tcp",
        "127.0.0.1:8053->53/udp",
        "[::]:80->80/tcp",
    ]
    assert demo.exposed == ((53, "udp"), (80, "tcp"))
    endpoint = demo.networks["bridge"]
    assert (endpoint.prefix, endpoint.gateway, endpoint.mac) == ("172.17.0.2/16", "172.17.0.1", "02:42:ac:11:00:02")
    assert server2.container(demo.id[:12]) == demo


def test_a_linked_container(server2: Any) -> None:
    c1 = server2.container("c1")
    assert c1.links == (("demo", "nginx"),)
    assert c1.link_env["NGINX_PORT_80_TCP_ADDR"] == "172.17.0.2"
    assert c1.link_env["NGINX_NAME"] == "/c1/nginx"


def test_states(server2: Any) -> None:
    assert server2.container("c2").state is ContainerState.PAUSED
    assert server2.container("c2").running
    gone = server2.container("gone")
    assert (gone.state, gone.running, gone.exit_code, gone.addresses) == (ContainerState.EXITED, False, 137, ())
    assert [str(each) for each in gone.published] == ["0.0.0.0:9090->80/tcp"]


def test_aliases_and_several_networks(server2: Any) -> None:
    assert {"web", "c2"} <= set(server2.container("c2").names)
    assert set(server2.container("web2").networks) == {"net1", "bridge"}


def test_shared_and_host_namespaces(server2: Any) -> None:
    assert server2.container("side").netns_of == "demo"
    assert server2.owner_of("side") == "demo"
    assert server2.owner_of("demo") == "demo"
    assert server2.owner_of("hostish") is None
    assert server2.namespace("side") is server2.namespaces["demo"]
    assert server2.namespace("hostish") is server2.own
    assert server2.namespace("inn").links is None


def test_networks(server2: Any) -> None:
    networks = {each.name: each for each in server2.networks}
    assert (networks["bridge"].bridge, networks["bridge"].default_bridge) == ("docker0", True)
    assert networks["net1"].bridge == f"br-{networks['net1'].id[:12]}"
    assert networks["net1"].subnets == ("172.18.0.0/16",)
    assert sorted(networks["net1"].containers.values()) == ["c2", "web2"]
    assert networks["inner"].internal
    assert (networks["mac_net1"].driver, networks["mac_net1"].parent, networks["mac_net1"].bridge) == (
        "macvlan",
        "eth1",
        "",
    )
    assert server2.engine_version == "20.10.24+dfsg1"


def test_options_of_a_bridge_network(issues: Issues) -> None:
    text = json.dumps(
        [
            {
                "Name": "n",
                "Driver": "bridge",
                "Id": "f" * 64,
                "Options": {
                    "com.docker.network.bridge.name": "mybr",
                    "com.docker.network.bridge.enable_icc": "false",
                    "com.docker.network.bridge.enable_ip_masquerade": "false",
                    "com.docker.network.bridge.odd": 5,
                },
                "IPAM": {"Config": [{"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1/24"}, 3]},
            }
        ]
    )
    (network,) = read(parse_networks, text, issues)
    assert (network.bridge, network.icc, network.masquerade, network.gateways) == ("mybr", False, False, ("10.0.0.1",))


def test_ports_that_are_chosen_at_start(issues: Issues) -> None:
    bindings = {
        "80/tcp": [{"HostIp": "", "HostPort": ""}],
        "81/tcp": [{"HostPort": "8000-8010"}],
        "x": [{}],
        "82/udp": None,
    }
    text = json.dumps([{"Name": "/x", "HostConfig": {"PortBindings": bindings}, "State": {"Status": "created"}}])
    (container,) = read(parse_containers, text, issues)
    assert [str(each) for each in container.published] == ["0.0.0.0:0->80/tcp", "0.0.0.0:0->81/tcp"]


def test_odd_values(issues: Issues) -> None:
    text = json.dumps(
        [
            {"Name": "/a", "State": [], "Config": {"ExposedPorts": {"99999/tcp": 1, "٣/tcp": 1}}, "NetworkSettings": {"Networks": {"n": 3}}},
            {"Name": "/b", "HostConfig": {"NetworkMode": "container:"}},
            {"Name": "/c", "HostConfig": {"NetworkMode": "container:c"}},
            {"Id": "1"},
            None,
        ]
    )  # fmt: skip
    a, b, c = read(parse_containers, text, issues)
    assert (a.state, a.networks, a.exposed) == (ContainerState.UNKNOWN, {}, ())
    assert b.netns_of == ""
    assert c.netns_of == "c"
    assert len(issues.found) == 2
    assert read(parse_containers, "{}", issues) is None


def test_its_chains_and_what_they_are_for() -> None:
    assert role_of("DOCKER-USER") is ChainRole.USER
    assert role_of("DOCKER-ISOLATION-STAGE-2") is role_of("DOCKER-INTERNAL") is ChainRole.ISOLATION
    assert role_of("DOCKER") is role_of("DOCKER-FORWARD") is ChainRole.OWN
    assert role_of("FORWARD") is role_of("ufw-user-input") is None


@pytest.mark.parametrize(
    ("table", "chain", "text", "own"),
    [
        ("filter", "DOCKER", "-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -j ACCEPT", True),
        ("nat", "DOCKER", "-A DOCKER -j RETURN", True),
        ("filter", "DOCKER-USER", "-A DOCKER-USER -j DROP", False),
        ("filter", "FORWARD", "-A FORWARD -i br-1 -o br-1 -j DROP", True),
        ("filter", "FORWARD", "-A FORWARD -i br-1 -o br-2 -j DROP", False),
        ("raw", "PREROUTING", "-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP", True),
        ("raw", "PREROUTING", "-A PREROUTING -d 172.17.0.2/32 -j DROP", False),
    ],
)
def test_a_rule_that_it_writes_is_its_own(table: str, chain: str, text: str, own: bool) -> None:
    assert DOCKER.owns(RuleRef(table=table, chain=chain, number=1, text=text)) is own


@pytest.mark.parametrize(("family", "table", "own"), [("ip", "docker-bridges", True), ("inet", "firewall", False)])
def test_a_rule_of_its_nftables_table_is_its_own(family: str, table: str, own: bool) -> None:
    rule = RuleRef(program=Program.NFT, family=family, table=table, chain="filter-FORWARD", handle=5, text="drop")
    assert DOCKER.owns(rule) is own


def test_the_last_rule_of_a_bridge_closes_what_is_not_published() -> None:
    rule = rule_from("filter", "-A DOCKER ! -i br-1 -o br-1 -j DROP")
    assert DOCKER.closes_unpublished(rule)
    assert DOCKER.closes_unpublished(rule, "br-1")
    assert not DOCKER.closes_unpublished(rule, "br-2")
    assert not DOCKER.closes_unpublished(None)
    for text in (
        "-A DOCKER ! -i br-1 -o br-2 -j DROP",
        "-A DOCKER -i br-1 -o br-1 -j DROP",
        "-A DOCKER ! -i br-1 -o br-1 -p tcp -j DROP",
        "-A DOCKER ! -i br-1 -o br-1 -j ACCEPT",
        "-A OTHER ! -i br-1 -o br-1 -j DROP",
    ):
        assert not DOCKER.closes_unpublished(rule_from("filter", text))


@pytest.mark.parametrize(
    ("text", "closes"),
    [
        ("-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP", True),
        ('-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -m comment --comment "by hand" -j DROP', True),
        ("-A PREROUTING -d 172.17.0.2/32 -i docker0 -j DROP", False),
        ("-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j ACCEPT", False),
        ("-A PREROUTING -d 172.17.0.2/32 ! -i br-1 -j DROP", False),
        ('-A PREROUTING -m comment --comment "not ! -i docker0 -j DROP" -j DROP', False),
    ],
)
def test_a_raw_rule_closes_an_address_to_others_by_what_it_asks(text: str, *, closes: bool) -> None:
    assert DOCKER.closes_to_others(rule_from("raw", text), "docker0") is closes


@pytest.mark.parametrize(
    ("op", "right", "verdict", "closes"),
    [
        ("!=", "docker0", "drop", True),
        ("!=", {"set": ["docker0", "eth1"]}, "drop", True),  # eth1 is trusted
        ("==", "docker0", "drop", False),
        ("!=", "docker0", "accept", False),
        ("!=", "br-1", "drop", False),
        ("!=", {"set": [7]}, "drop", False),
    ],
)
def test_so_does_one_of_its_nftables_table(op: str, right: object, verdict: str, *, closes: bool) -> None:
    asks = {"match": {"op": op, "left": {"meta": {"key": "iifname"}}, "right": right}}
    place = {"family": "ip", "table": "docker-bridges", "chain": "raw-PREROUTING", "handle": 5}
    chain = {"family": "ip", "table": "docker-bridges", "name": "raw-PREROUTING"}
    listed = {"nftables": [{"chain": chain}, {"rule": {**place, "expr": [asks, {verdict: None}]}}]}
    nft = parse_nft(json.dumps(listed), Issues("nft"))
    assert nft is not None
    (rule,) = nft.rules()
    assert DOCKER.closes_to_others(rule, "docker0") is closes


def test_its_rules_are_found_where_it_wrote_them(server2: Any) -> None:
    assert DOCKER.translates(server2.ruleset)
    assert DOCKER.filters(server2.ruleset)
    assert DOCKER.uses_translation(server2.ruleset)
    assert not DOCKER.lacks_userland_proxy(server2.ruleset)
    assert not DOCKER.in_nftables(server2.nft)
    assert not DOCKER.filters(server2.ruleset, "br-nobody")
    assert [ask(None) for ask in (DOCKER.translates, DOCKER.filters, DOCKER.lacks_userland_proxy)] == [False] * 3


def test_a_jump_that_spares_no_loopback_says_that_there_is_no_userland_proxy(server2: Any) -> None:
    chain = server2.ruleset.chain("nat", "OUTPUT")
    rules = tuple(replace(rule, text=rule.text.replace(" ! -d 127.0.0.0/8", "")) for rule in chain.rules)
    nat = {**server2.ruleset.tables["nat"], "OUTPUT": replace(chain, rules=rules)}
    assert DOCKER.lacks_userland_proxy(replace(server2.ruleset, tables={**server2.ruleset.tables, "nat": nat}))


def test_a_hosts_engine_is_told_by_what_was_asked_of_it(server2: Any) -> None:
    assert server2.engine is engine_of(("docker-version", "addr"))
    assert engine_of(()) is ENGINES[0]
    assert "127.0.0.11" in EMBEDDED_DNS


def test_no_answer_is_not_no_containers(issues: Issues) -> None:
    assert parse_containers("", issues) is None
    assert parse_containers("[]", issues) == ()


_LABELS = ("project", "service", "container-number", "oneoff")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("shop", "web", "2", "False"), ("shop", "web", 2)),
        (("shop", "web", "", ""), ("shop", "web", 0)),
        (("shop", "web", "99999999", "no"), ("shop", "web", 0)),
        (("shop", "web", "٣", "no"), ("shop", "web", 0)),
        (("shop", "web", "1", "True"), None),
        (("shop", "", "1", "False"), None),
        (("", "web", "1", "False"), None),
        (("a/b", "web", "1", "False"), None),
        (("shop", "\x1b[31m", "1", "False"), None),
        (("shop", "w" * 300, "1", "False"), None),
        (("shop", "-rf", "1", "False"), None),
        ((3, ["web"], {}, None), None),
    ],
)
def test_compose_labels_of_any_kind(
    labels: tuple[object, ...], expected: tuple[str, str, int] | None, issues: Issues
) -> None:
    names = {f"com.docker.compose.{key}": value for key, value in zip(_LABELS, labels, strict=True)}
    ((found,),) = [parse_containers(json.dumps([{"Name": "/x", "Config": {"Labels": names}}]), issues) or ()]
    made = found.compose
    assert (None if made is None else (made.project, made.service, made.number)) == expected


@pytest.mark.parametrize("labels", [None, [], "x", 7])
def test_labels_that_are_none(labels: object, issues: Issues) -> None:
    (found,) = parse_containers(json.dumps([{"Name": "/x", "Config": {"Labels": labels}}]), issues) or ()
    assert found.compose is None


LABEL = st.text(st.characters(), max_size=40) | st.binary(max_size=20).map(lambda data: data.decode("latin-1"))


@settings(max_examples=100)
@given(
    st.dictionaries(
        st.sampled_from(["project", "service", "container-number", "oneoff"]), LABEL | st.integers() | st.none()
    )
)
@example({"project": "\ud800", "service": "\x1b[31mweb", "container-number": "9" * 5000})
def test_labels_of_any_bytes_name_nothing_that_compose_could_not_write(labels: dict[str, Any]) -> None:
    keys = {f"com.docker.compose.{name}": value for name, value in labels.items()}
    item = {"Id": "a" * 64, "Name": "/c1", "State": {"Status": "running"}, "Config": {"Labels": keys}}
    found = Docker().containers(json.dumps([item]), Issues("containers"))
    assert found is not None
    (container,) = found
    told = container.compose
    assert told is None or (told.project + told.service).isascii()
    assert told is None or visible(f"{told.project}/{told.service}") == f"{told.project}/{told.service}"
