from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from netprobe.state.issues import Issues
from netprobe.state.names import parse_hosts_file, parse_resolv_conf, parse_sysctls

if TYPE_CHECKING:
    from collections.abc import Callable


def read(parser: Callable[..., Any], text: str, issues: Issues, **more: str) -> Any:
    """Parse a text that can be read: an unknown value fails the test where it is used."""
    return parser(text, issues, **more)


def test_hosts_file_of_a_linked_container(server2: Any) -> None:
    names = server2.namespaces["c1"].hosts_file
    assert names.lookup("demo") == names.lookup("nginx") == names.lookup("NGINX.") == ("172.17.0.2",)
    assert names.lookup("web") == ()


def test_hosts_file(issues: Issues) -> None:
    found = read(parse_hosts_file, "# c\n10.0.0.1 a b # d\n::1\tlocalhost\nnonsense\n10.0.0.2 a\n", issues)
    assert found.lookup("a") == ("10.0.0.1", "10.0.0.2")
    assert found.lookup("d") == ()
    assert [issue.line for issue in issues.found] == [4]


def test_resolv_conf(server2: Any, issues: Issues) -> None:
    assert server2.namespaces["c2"].resolv_conf.embedded
    assert server2.namespaces["c2"].resolv_conf.ndots == 0
    assert not server2.namespaces["c1"].resolv_conf.embedded
    found = read(
        parse_resolv_conf,
        "; x\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\nnameserver x\ndomain a\nsearch b c\noptions ndots:99 edns0\n",
        issues,
    )
    assert found.nameservers == ("192.0.2.1", "fe80::1%eth0")
    assert (found.search, found.ndots, found.options) == (("b", "c"), 15, ("ndots:99", "edns0"))
    assert [issue.line for issue in issues.found] == [4]


def test_sysctls(server2: Any, issues: Issues) -> None:
    assert server2.sysctls["net.ipv4.ip_forward"] == "1"
    assert read(parse_sysctls, "a.b = 1\nc=\nnonsense\n\n", issues) == {"a.b": "1", "c": ""}
    assert len(issues.found) == 1


@given(st.text())
def test_any_text(text: str) -> None:
    for parser in (parse_hosts_file, parse_resolv_conf, parse_sysctls):
        parser(text, Issues("x"))
