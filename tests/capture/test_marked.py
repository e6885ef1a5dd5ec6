from __future__ import annotations

from dataclasses import replace

from netprobe.capture.marked import Form, Marked, address_of, forms
from netprobe.capture.plan import Tuple5

TCP = Tuple5(transport="tcp", source_port=41290, dialled="192.168.3.202", port=80, ends=(("172.17.0.2", 8080),))


def test_the_probes_own_tuple_both_ways_and_the_inner_connection() -> None:
    inner = Form(version=4, transport="tcp", src="172.17.0.1", dst="172.17.0.2", dport=8080)
    assert forms(Marked(probe=TCP, gateways=("172.17.0.1", "fd00::1"))) == (
        Form(version=4, transport="tcp", sport=41290, dst="192.168.3.202", dport=80),
        Form(version=4, transport="tcp", src="192.168.3.202", sport=80, dport=41290),
        Form(version=4, transport="tcp", sport=41290, dst="172.17.0.2", dport=8080),
        Form(version=4, transport="tcp", src="172.17.0.2", sport=8080, dport=41290),
        inner,
        replace(inner, src="172.17.0.2", dst="172.17.0.1", sport=8080, dport=None),
    )


def test_an_end_that_is_dialled_itself_is_one_form() -> None:
    assert len(forms(Marked(probe=replace(TCP, ends=(("192.168.3.202", 80),))))) == 2


def test_an_echo_by_its_identifier() -> None:
    echo = Marked(probe=Tuple5(transport="icmp", dialled="fd00::2"), ident=77)
    assert forms(echo) == (Form(version=6, transport="icmp", ident=77),)


def test_without_a_port_of_its_own_there_is_none() -> None:
    assert forms(Marked(probe=Tuple5(transport="udp", looks_up=True))) == ()
    assert forms(Marked(probe=Tuple5(transport="tcp", dialled="192.0.2.1", port=80))) == ()


def test_nothing_but_an_address_passes() -> None:
    for evil in ("1.2.3.4; flush ruleset", "fe80::1%x;", "", "demo", '1.1.1.1"); system("x'):
        assert address_of(evil) is None
        assert forms(Marked(probe=replace(TCP, dialled=evil))) == ()
        assert len(forms(Marked(probe=replace(TCP, ends=((evil, 80),)), gateways=(evil,)))) == 2
