from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.decode.dns import DnsMessage
from netprobe.evidence.model import Resolution
from netprobe.probe.resolver import candidates, preferred, query, resolve, servers_of, uses_dns, with_wildcard
from netprobe.state.names import HostsFile, HostsLine, ResolvConf

HOSTS = HostsFile(
    lines=(HostsLine(address="::1", names=("localhost",)), HostsLine(address="127.0.0.1", names=("localhost", "me")))
)
EMBEDDED = ResolvConf(nameservers=("127.0.0.11",))


class Servers:
    """Answers from a table, and what was asked."""

    def __init__(self, table: dict[tuple[str, str, str], str | tuple[str, ...]]) -> None:
        self.table = table
        self.asked: list[tuple[str, str, str]] = []

    def __call__(self, server: str, name: str, kind: str) -> DnsMessage | str:
        self.asked.append((server, name, kind))
        answer = self.table.get((server, name, kind), "NXDOMAIN")
        if isinstance(answer, tuple):
            return DnsMessage(id=1, qr=True, rcode="NOERROR", answers=tuple((name, kind, text) for text in answer))
        return DnsMessage(id=1, qr=True, rcode=answer) if answer.isupper() else answer


def test_the_hosts_file_comes_first_and_ends_it() -> None:
    servers = Servers({})
    lookup = resolve("LOCALHOST", HOSTS, EMBEDDED, servers)
    assert (lookup.how, lookup.addresses) == (Resolution.HOSTS_FILE, ("::1", "127.0.0.1"))
    assert servers.asked == []
    assert preferred(lookup) == "127.0.0.1"
    assert not uses_dns(lookup)


def test_embedded_and_upstream_are_told_apart() -> None:
    embedded = resolve("db", HOSTS, EMBEDDED, Servers({("127.0.0.11", "db", "A"): ("172.18.0.2",)}))
    assert (embedded.how, embedded.server, embedded.rcode) == (Resolution.EMBEDDED_DNS, "127.0.0.11", "NOERROR")
    assert embedded.steps == ("/etc/hosts: no line for 'db'", "127.0.0.11: db. A 172.18.0.2")
    upstream = resolve(
        "db", HOSTS, ResolvConf(nameservers=("192.0.2.1",)), Servers({("192.0.2.1", "db", "A"): ("10.0.0.1",)})
    )
    assert upstream.how is Resolution.UPSTREAM_DNS


def test_a_name_that_nobody_knows() -> None:
    lookup = resolve("db", HOSTS, EMBEDDED, Servers({}))
    assert (lookup.how, lookup.addresses, lookup.rcode, lookup.server) == (
        Resolution.FAILED,
        (),
        "NXDOMAIN",
        "127.0.0.11",
    )
    assert preferred(lookup) is None
    assert uses_dns(lookup)


def test_the_next_server_is_asked_after_silence_and_after_servfail_but_not_after_nxdomain() -> None:
    conf = ResolvConf(nameservers=("192.0.2.1", "192.0.2.2", "192.0.2.3"))
    servers = Servers({("192.0.2.1", "db", "A"): "no answer", ("192.0.2.2", "db", "A"): "SERVFAIL"})
    lookup = resolve("db", HOSTS, conf, servers)
    assert [server for server, _, _ in servers.asked] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert (lookup.rcode, lookup.server) == ("NXDOMAIN", "192.0.2.3")
    assert "192.0.2.1: db. A: no answer" in lookup.steps


def test_silence_everywhere_has_no_rcode() -> None:
    lookup = resolve("db", HOSTS, EMBEDDED, Servers({("127.0.0.11", "db", "A"): "no answer"}))
    assert (lookup.how, lookup.rcode, lookup.server) == (Resolution.FAILED, None, "127.0.0.11")


def test_ipv6_is_asked_where_there_is_no_ipv4() -> None:
    servers = Servers({("127.0.0.11", "db", "A"): (), ("127.0.0.11", "db", "AAAA"): ("fd00::2",)})
    lookup = resolve("db", HOSTS, EMBEDDED, servers)
    assert lookup.addresses == ("fd00::2",)
    assert [kind for _, _, kind in servers.asked] == ["A", "AAAA"]


def test_search_list_and_ndots() -> None:
    conf = ResolvConf(search=("one.test", "two.test."), ndots=2)
    assert list(candidates("db", conf)) == ["db.one.test", "db.two.test", "db"]
    assert list(candidates("a.b.c", conf)) == ["a.b.c", "a.b.c.one.test", "a.b.c.two.test"]
    assert list(candidates("db.", conf)) == ["db"]
    assert list(candidates("db", None)) == ["db"]
    assert list(candidates("db", ResolvConf(search=(".",)))) == ["db"]


def test_no_nameserver_means_this_machine() -> None:
    assert servers_of(ResolvConf()) == ("127.0.0.1",)
    assert servers_of(None) == ("127.0.0.1",)
    assert len(servers_of(ResolvConf(nameservers=tuple("abcde")))) == 3


def test_unreadable_files_are_said() -> None:
    assert resolve("db", None, EMBEDDED, Servers({})).steps[0] == "/etc/hosts: could not be read"


def test_names_that_cannot_be_asked_for_are_not_asked() -> None:
    servers = Servers({})
    for name in ("a..b", "x" * 64, "é"):
        assert resolve(name, HOSTS, EMBEDDED, servers).how is Resolution.FAILED
    assert servers.asked == []


@given(st.text(max_size=300), st.lists(st.text(max_size=80), max_size=8))
def test_any_name_and_any_search_list_end(name: str, search: list[str]) -> None:
    conf = ResolvConf(nameservers=("192.0.2.1",), search=tuple(search))
    assert query(name, conf, Servers({})).how is Resolution.FAILED


WILD = ResolvConf(nameservers=("127.0.0.11",), search=("corp.test",), ndots=0)


def test_what_the_search_list_made_of_a_name_is_said() -> None:
    lookup = resolve("db", HOSTS, WILD, Servers({("127.0.0.11", "db.corp.test", "A"): ("203.0.113.10",)}))
    assert (lookup.answered, lookup.addresses) == ("db.corp.test", ("203.0.113.10",))
    own = resolve("db", HOSTS, WILD, Servers({("127.0.0.11", "db", "A"): ("172.18.0.2",)}))
    assert (
        own.answered == resolve("db.", HOSTS, WILD, Servers({("127.0.0.11", "db", "A"): ("1.2.3.4",)})).answered == ""
    )


@pytest.mark.parametrize(
    ("answer", "wildcard"),
    [
        (("203.0.113.10",), True),
        (("203.0.113.9", "203.0.113.10"), True),
        (("203.0.113.9",), False),
        ((), False),
        ("NXDOMAIN", False),
        ("SERVFAIL", None),
        ("no answer", None),
    ],
)
def test_a_wildcard_answers_a_name_that_nobody_has(answer: str | tuple[str, ...], wildcard: bool | None) -> None:
    servers = Servers(
        {
            ("127.0.0.11", "db.corp.test", "A"): ("203.0.113.10",),
            ("127.0.0.11", "nobody.corp.test", "A"): answer,
        }
    )
    lookup = with_wildcard(resolve("db", HOSTS, WILD, servers), "nobody", servers)
    assert lookup.wildcard is wildcard
    assert servers.asked[-1] == ("127.0.0.11", "nobody.corp.test", "A")


def test_no_wildcard_is_asked_for_where_no_search_domain_answered() -> None:
    servers = Servers({("127.0.0.11", "db", "A"): ("172.18.0.2",)})
    lookup = resolve("db", HOSTS, WILD, servers)
    assert with_wildcard(lookup, "nobody", servers) is lookup
    assert len(servers.asked) == 1


def test_an_ipv6_wildcard_is_asked_for_in_kind() -> None:
    servers = Servers(
        {
            ("127.0.0.11", "a.b.corp.test", "A"): (),
            ("127.0.0.11", "a.b.corp.test", "AAAA"): ("fd00::2",),
            ("127.0.0.11", "nobody.corp.test", "AAAA"): ("fd00::2",),
        }
    )
    lookup = with_wildcard(resolve("a.b", HOSTS, WILD, servers), "nobody", servers)
    assert (lookup.answered, lookup.wildcard) == ("a.b.corp.test", True)


@pytest.mark.parametrize(
    ("table", "rcode"),
    [
        ({("s", "db.one.test", "A"): "NXDOMAIN", ("s", "db", "A"): "no answer"}, None),
        ({("s", "db.one.test", "A"): "no answer", ("s", "db", "A"): "NXDOMAIN"}, "NXDOMAIN"),
        ({("s", "db.one.test", "A"): (), ("s", "db.one.test", "AAAA"): (), ("s", "db", "A"): "NXDOMAIN"}, "NOERROR"),
        ({("s", "db", "A"): (), ("s", "db", "AAAA"): "no answer"}, None),
        ({("s", "db", "A"): (), ("s", "db", "AAAA"): "SERVFAIL"}, "SERVFAIL"),
        ({("s", "db", "A"): "SERVFAIL"}, "SERVFAIL"),
    ],
)
def test_what_a_lookup_in_vain_came_to(
    table: dict[tuple[str, str, str], str | tuple[str, ...]], rcode: str | None
) -> None:
    conf = ResolvConf(nameservers=("s",), search=("one.test",), ndots=1)
    assert query("db", conf, Servers(table)).rcode == rcode


BOTH = {("127.0.0.11", "db", "A"): ("172.18.0.2",), ("127.0.0.11", "db", "AAAA"): ("fd00::2",)}


@pytest.mark.parametrize(
    ("six", "addresses", "asked"), [(None, "172.18.0.2", "A"), (False, "172.18.0.2", "A"), (True, "fd00::2", "AAAA")]
)
def test_the_version_that_is_wanted_alone_is_asked_for(six: bool | None, addresses: str, asked: str) -> None:
    servers = Servers(dict(BOTH))
    lookup = resolve("db", HOSTS, EMBEDDED, servers, six)
    assert lookup.addresses == (addresses,)
    assert servers.asked == [("127.0.0.11", "db", asked)]


def test_a_hosts_file_of_the_other_version_does_not_end_it() -> None:
    servers = Servers({("127.0.0.11", "me", "AAAA"): ("fd00::9",)})
    assert resolve("me", HOSTS, EMBEDDED, servers, six=False).addresses == ("127.0.0.1",)
    lookup = resolve("me", HOSTS, EMBEDDED, servers, six=True)
    assert (lookup.how, lookup.addresses) == (Resolution.EMBEDDED_DNS, ("fd00::9",))
    assert lookup.steps[0] == "/etc/hosts: me is 127.0.0.1, no IPv6 address"


def test_servers_of_one_version() -> None:
    conf = ResolvConf(nameservers=("192.0.2.1", "fd00::53"))
    servers = Servers({("fd00::53", "db", "A"): ("10.0.0.1",)})
    assert query("db", conf, servers, six=True).server == "fd00::53"
    assert {server for server, _, _ in servers.asked} == {"fd00::53"}
