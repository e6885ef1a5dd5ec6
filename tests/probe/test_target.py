from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.errors import UsageFault
from netprobe.evidence.model import Proto
from netprobe.probe.target import Target, check_size, parse_source, parse_target, with_family


def shown(target: Target) -> tuple[object, ...]:
    return (target.address or target.name, target.host, target.port, str(target.proto), target.path)


@pytest.mark.parametrize(
    ("text", "proto", "expected"),
    [
        ("demo:80", None, ("demo", None, 80, "tcp", "/")),
        ("demo", None, ("demo", None, None, "icmp", "/")),
        ("demo@server2:80", None, ("demo", "server2", 80, "tcp", "/")),
        ("demo:53/udp", None, ("demo", None, 53, "udp", "/")),
        ("demo:80/tcp", Proto.TCP, ("demo", None, 80, "tcp", "/")),
        ("demo:80/tcp", Proto.HTTP, ("demo", None, 80, "http", "/")),
        ("demo:8080", Proto.HTTP, ("demo", None, 8080, "http", "/")),
        ("demo", Proto.HTTP, ("demo", None, 80, "http", "/")),
        ("demo:53", Proto.UDP, ("demo", None, 53, "udp", "/")),
        ("192.168.3.202:80", None, ("192.168.3.202", None, 80, "tcp", "/")),
        ("[::1]:80", None, ("::1", None, 80, "tcp", "/")),
        ("[FD00::0001]", None, ("fd00::1", None, None, "icmp", "/")),
        ("http://demo", None, ("demo", None, 80, "http", "/")),
        ("HTTP://demo:81/a?b=c", None, ("demo", None, 81, "http", "/a?b=c")),
        ("http://[::1]:81/", None, ("::1", None, 81, "http", "/")),
        ("http://demo?b=c", None, ("demo", None, 80, "http", "/?b=c")),
        ("http://demo/a/%2F/é|#part", None, ("demo", None, 80, "http", "/a/%2F/%C3%A9%7C")),
        ("https://demo@server2", None, ("demo", "server2", 443, "https", "/")),
        ("HTTPS://[::1]:8443/a", Proto.HTTPS, ("::1", None, 8443, "https", "/a")),
        ("demo", Proto.HTTPS, ("demo", None, 443, "https", "/")),
        ("demo:8443/tcp", Proto.HTTPS, ("demo", None, 8443, "https", "/")),
        ("www.example.test", Proto.DNS, ("www.example.test", None, 53, "dns", "/")),
        ("my_app.web-1:1", None, ("my_app.web-1", None, 1, "tcp", "/")),
        ("demo:65535", None, ("demo", None, 65535, "tcp", "/")),
    ],
)
def test_the_grammar(text: str, proto: Proto | None, expected: tuple[object, ...]) -> None:
    assert shown(parse_target(text, proto)) == expected
    assert parse_target(text, proto).text == text


@pytest.mark.parametrize(
    ("text", "proto", "says"),
    [
        ("", None, "not a target"),
        ("demo:", None, "has a colon and no port"),
        ("demo@server2:", None, "has a colon and no port"),
        ("[::1]:", None, "has a colon and no port"),
        ("http://demo:/", None, "has a colon and no port"),
        ("8080", None, "8080 is a port and names nobody"),
        (":8080", None, "8080 is a port and names nobody"),
        ("10.0.0.0/24", None, "10.0.0.0/24 is a subnet, not a target"),
        ("shop/10.0.0.1:80", None, "an address has no PROJECT/"),
        ("shop/web/tcp", None, "tcp needs a port"),
        ("shop/blog/web:80", None, "not a "),
        ("shop/:80", None, "not a "),
        ("sh op/web:80", None, "not a name"),
        ("8080/tcp", None, "8080/tcp is a port and names nobody"),
        ("8080:80", None, "not an IPv4 address"),
        ("demo:0", None, "out of range"),
        ("demo:65536", None, "out of range"),
        ("demo:http", None, "is not a number"),
        ("demo:٣", None, "is not a number"),
        ("demo:99999999999999999999", None, "out of range"),
        ("demo:80/sctp", None, "not a protocol"),
        ("demo/tcp", None, "tcp needs a port"),
        ("demo", Proto.TCP, "tcp needs a port"),
        ("demo", Proto.UDP, "udp needs a port"),
        ("demo:80", Proto.ICMP, "ICMP has no ports"),
        ("demo:80/udp", Proto.TCP, "says udp and --proto says tcp"),
        ("demo:80/udp", Proto.HTTP, "says udp and --proto says http"),
        ("http://demo", Proto.TCP, "speaks http, not tcp"),
        ("http://demo", Proto.HTTPS, "speaks http, not https"),
        ("ftp://demo", None, "only http:// and https://"),
        ("http://me:secret@demo/", None, "has a password in it"),
        ("http:///path", None, "not a target"),
        ("::1", None, "in brackets"),
        ("[::1", None, "not a target"),
        ("[1.2.3.4]:80", None, "not an IPv6 address"),
        ("[demo]:80", None, "not an IPv6 address"),
        ("256.1.1.1:80", None, "not an IPv4 address"),
        ("1.2.3", None, "not an IPv4 address"),
        ("1.2.3.4@server2:80", None, "no @HOST"),
        ("demo@:80", None, "not a target"),
        ("-demo:80", None, "not a name"),
        ("a b:80", None, "not a name"),
        ("a\x1b[31m:80", None, "not a"),
        ("demo@a b:80", None, "not a name"),
        ("demo;id:80", None, "not a name"),
        ("http://demo/a b", None, "no spaces"),
        ("http://demo/\r\nX: y", None, "no control characters"),
        ("a" * 300, None, "not a name"),
    ],
)
def test_what_is_not_a_target(text: str, proto: Proto | None, says: str) -> None:
    with pytest.raises(UsageFault) as fault:
        parse_target(text, proto)
    assert says in fault.value.message
    assert fault.value.hint


def test_the_hint_for_half_a_target_is_a_whole_one() -> None:
    for text, says in (("web:", "web:80"), ("[::1]:", "[::1]:80"), ("8080", "web:8080, or 127.0.0.1:8080")):
        with pytest.raises(UsageFault) as fault:
            parse_target(text)
        assert says in fault.value.hint


@pytest.mark.parametrize(
    ("text", "project", "name", "host", "instead"),
    [
        ("shop/web:80", "shop", "web", None, "shop-web-1@server2:80"),
        ("shop/web@server2:80/tcp", "shop", "web", "server2", "shop-web-1@server2:80/tcp"),
        ("shop/web", "shop", "web", None, "shop-web-1@server2"),
        ("web:80/tcp", None, "web", None, "shop-web-1@server2:80/tcp"),
        ("http://http:81/a/http", None, "http", None, "http://shop-web-1@server2:81/a/http"),
    ],
)
def test_a_service_of_a_project(text: str, project: str | None, name: str, host: str | None, instead: str) -> None:
    target = parse_target(text)
    assert (target.project, target.name, target.host) == (project, name, host)
    assert target.instead("shop-web-1@server2") == instead
    assert parse_target(instead).host == "server2"


NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}[A-Za-z_]", fullmatch=True)


@given(
    name=NAMES,
    host=st.none() | NAMES,
    port=st.none() | st.integers(1, 65535),
    suffix=st.sampled_from(["", "/tcp", "/udp"]),
)
def test_every_target_of_the_form_is_understood(name: str, host: str | None, port: int | None, suffix: str) -> None:
    text = name + (f"@{host}" if host else "") + (f":{port}{suffix}" if port else "")
    target = parse_target(text)
    assert (target.name, target.host, target.port) == (name, host, port)
    assert target.proto == (Proto.ICMP if port is None else Proto.UDP if suffix == "/udp" else Proto.TCP)


@given(st.text(), st.none() | st.sampled_from(list(Proto)))
def test_any_text_is_a_target_or_a_usage_fault(text: str, proto: Proto | None) -> None:
    try:
        target = parse_target(text, proto)
    except UsageFault:
        return
    assert (target.address is None) != (target.name == "")
    assert target.path.isprintable()
    assert " " not in target.path


def test_sources() -> None:
    assert (parse_source("web@server1").name, parse_source("web@server1").host) == ("web", "server1")
    assert parse_source("server1").host is None
    source = parse_source("shop/web@server1")
    assert (source.project, source.name, source.host, source.asked) == ("shop", "web", "server1", "shop/web")
    for text in ("", "a b", "@x", "x@", "x@y@z", "-x", "/x", "x/", "a/b/c", "a/b c"):
        with pytest.raises(UsageFault):
            parse_source(text)


def test_sizes() -> None:
    check_size(None, Proto.TCP)
    check_size(1472, Proto.ICMP)
    with pytest.raises(UsageFault, match="no meaning"):
        check_size(1, Proto.TCP)
    with pytest.raises(UsageFault, match="out of range"):
        check_size(65508, Proto.ICMP)
    with pytest.raises(UsageFault, match="out of range"):
        check_size(-1, Proto.HTTP)


@pytest.mark.parametrize(
    ("text", "family"), [("192.0.2.1:80", 6), ("[::1]:80", 4), ("http://[::1]/", 4), ("192.0.2.1", 6)]
)
def test_an_address_of_the_other_version_is_refused(text: str, family: int) -> None:
    with pytest.raises(UsageFault, match=f"and -{family} asks for IPv{family}") as fault:
        with_family(parse_target(text), family)
    assert fault.value.hint == f"leave -{family} out"


@pytest.mark.parametrize(
    ("text", "family", "six"),
    [("192.0.2.1:80", 4, False), ("[::1]:80", 6, True), ("demo", 6, True), ("demo", None, None)],
)
def test_the_version_that_is_asked_for(text: str, family: int | None, six: bool | None) -> None:
    target = with_family(parse_target(text), family)
    assert target.six is six
    assert target.family_said == ("IPv6 was asked for" if target.name and six else "")


def test_there_is_no_version_5() -> None:
    with pytest.raises(UsageFault, match="no IP version 5"):
        with_family(parse_target("demo"), 5)
