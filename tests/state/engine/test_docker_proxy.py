from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from netprobe.state.engine.docker_proxy import parse_proxies
from netprobe.state.issues import Issues

if TYPE_CHECKING:
    from collections.abc import Callable


def read(parser: Callable[..., Any], text: str, issues: Issues, **more: str) -> Any:
    """Parse a text that can be read: an unknown value fails the test where it is used."""
    return parser(text, issues, **more)


def test_proxies(server2: Any) -> None:
    web = next(each for each in server2.proxies if each.host_ip != "::" and each.host_port == 80)
    assert (web.proto, web.container_ip, web.container_port) == ("tcp", "172.17.0.2", 80)
    assert web.listens("127.0.0.1", 80, "tcp")
    assert not web.listens("::1", 80, "tcp")
    assert not web.listens("127.0.0.1", 80, "udp")
    udp = next(each for each in server2.proxies if each.proto == "udp")
    assert not udp.listens("192.168.3.202", 8053, "udp")


def test_proxy_arguments(issues: Issues) -> None:
    argv = [
        "docker-proxy",
        "--proto=udp",
        "-host-ip",
        "::",
        "-host-port=53",
        "-container-ip",
        "10.0.0.2",
        "-container-port",
        "53",
        "-use-listen-fd",
    ]
    text = json.dumps([{"pid": 3, "argv": argv}, {"pid": 4, "argv": ["docker-proxy", "-host-port"]}, {"argv": 5}, 7])
    (proxy,) = read(parse_proxies, text, issues)
    assert (proxy.pid, proxy.proto, proxy.host_ip, proxy.host_port) == (3, "udp", "::", 53)
    assert len(issues.found) == 3
    assert read(parse_proxies, "{", issues) is None


@given(
    st.lists(
        st.sampled_from(
            ["-proto", "tcp", "-host-ip", "-host-port", "80", "-container-ip", "10.0.0.1", "-container-port", "="]
        )
        | st.text(max_size=4)
    )
)
def test_any_arguments(argv: list[str]) -> None:
    read(parse_proxies, json.dumps([{"pid": 1, "argv": argv}]), Issues("x"))
