from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from netprobe.survey.nearby import NearbyHost, NearbyPort, containers_of, networks_of

# As Docker Engine 20.10 lists them (GET /containers/json?all=1, shortened).
LISTED = json.dumps(
    [
        {
            "Names": ["/shop-web-1"],
            "Ports": [{"PrivatePort": 80, "Type": "tcp"}],
            "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"},
            "State": "exited",
            "NetworkSettings": {"Networks": {"shop_default": {"IPAddress": "", "GlobalIPv6Address": ""}}},
        },
        {
            "Names": ["/client/db", "/demo"],
            "Ports": [
                {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},  # noqa: S104
                {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
            ],
            "Labels": {},
            "State": "running",
            "NetworkSettings": {"Networks": {"six": {"IPAddress": "172.18.0.2", "GlobalIPv6Address": "fd00:5::2"}}},
        },
    ]
)


def test_what_an_engine_lists() -> None:
    demo, web = containers_of(LISTED)  # who runs comes first
    assert (demo.name, demo.running, demo.service, demo.networks) == ("demo", True, "", (("six", "172.18.0.2"),))
    assert demo.ports == tuple(NearbyPort(port=80, proto="tcp", host_ip=at, host_port=8080) for at in ("0.0.0.0", "::"))  # noqa: S104
    assert (web.name, web.running, web.state, web.service) == ("shop-web-1", False, "exited", "shop/web")
    assert NearbyHost(name="server2", containers=(demo, web, web)).services == ("shop/web",)


def test_networks() -> None:
    text = '[{"Name": "six", "Driver": "bridge", "IPAM": {"Config": [{"Subnet": "172.18.0.0/16"}, {"Gateway": "x"}]}}, {"Name": ""}]'
    (six,) = networks_of(text)
    assert (six.name, six.driver, six.subnets) == ("six", "bridge", ("172.18.0.0/16",))


def test_a_name_that_nobody_could_type_is_none() -> None:
    assert containers_of('[{"Names": ["/\\u001b[2J"]}, {"Names": ["/--help"]}, {"Names": []}, 7]') == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Names",
                    "Ports",
                    "Labels",
                    "State",
                    "NetworkSettings",
                    "Networks",
                    "PrivatePort",
                    "IPAM",
                    "Config",
                    "x",
                ]
            ),
            inner,
        )
    ),
    max_leaves=20,
)


@given(st.lists(JSON) | JSON)
def test_whatever_listens_there_nothing_breaks(value: object) -> None:
    text = json.dumps(value)
    containers_of(text)
    networks_of(text)
    containers_of(text[:-1])
