from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.model import LimitKind
from netprobe.evidence.state import CommandOutput
from netprobe.hosts import collect, outputs
from netprobe.hosts.collect import HostRecord
from netprobe.hosts.session import PACKAGES, Session
from netprobe.inventory.hosts import HostEntry
from netprobe.inventory.reach import Reach
from netprobe.state.build import build_host

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    found = Session(HostEntry(name="here"), 60)
    yield found
    found.close()


def test_what_this_machine_tells_can_be_parsed(session: Session) -> None:
    record = HostRecord("here")
    collect.ask(session, record, outputs.FIRST).receive()
    collect.ask_rest(session, record, predicts=False).receive()
    host = build_host(record.state())
    assert host.own.link("lo") is not None
    assert host.own.routes is not None
    assert host.sysctls is not None
    assert "net.ipv4.ip_forward" in host.sysctls
    assert host.own.hosts_file is not None
    assert record.outputs["hosts-file"].argv == ("read", "/etc/hosts")


def test_what_is_missing_is_said(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "COMMANDS", {**outputs.COMMANDS, "nft": ("no-such-nft",)})
    monkeypatch.setitem(PACKAGES, "no-such-nft", "nftables")
    record = HostRecord("here")
    collect.ask(session, record, ("nft",)).receive()
    output = record.outputs["nft"]
    assert (output.rc, output.error) == (None, "no-such-nft: not installed (package nftables)")
    (limit,) = record.limits()
    assert (limit.kind, limit.subject, limit.why) == (LimitKind.STATE, "here: nft", output.error)


def test_a_command_that_fails_keeps_its_own_words(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "COMMANDS", {"addr": ("sh", "-c", "echo 'cannot do it' >&2; exit 7")})
    record = HostRecord("here")
    collect.ask(session, record, ("addr",)).receive()
    assert (record.outputs["addr"].rc, record.outputs["addr"].error) == (7, "cannot do it")
    assert build_host(record.state()).own.links is None, "unknown is not empty"


def test_an_older_program_is_asked_in_its_own_words(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = ("sh", "-c", "echo 'no such option' >&2; exit 255")
    monkeypatch.setattr(collect, "COMMANDS", {"sockets": refusing})
    monkeypatch.setattr(collect, "OLDER", {"sockets": ("echo", "old")})
    record = HostRecord("here")
    collect.ask(session, record, ("sockets",)).receive()
    output = record.outputs["sockets"]
    assert (output.rc, output.stdout, output.argv) == (0, "old\n", ("echo", "old"))
    monkeypatch.setattr(collect, "OLDER", {"sockets": ("sh", "-c", "exit 3")})
    collect.ask(session, record, ("sockets",)).receive()
    assert record.outputs["sockets"].rc == 3, "one that cannot be run at all stays a failure"


def test_a_host_that_is_lost_leaves_unknowns() -> None:
    lost = Session(HostEntry(name="lost", reach=Reach(prefix=("sh", "-c", "exit 1"))), 10)
    record = HostRecord("lost")
    collect.ask(lost, record, outputs.FIRST).receive()
    collect.ask_rest(lost, record, predicts=False).receive()
    collect.ask_namespace(lost, record, "demo").receive()
    collect.ask_namespace_rest(lost, record, ["demo"], predicts=False).receive()
    lost.close()
    assert {"addr", "iptables", "ns/demo/sockets", "proxies", "sysctl", "hosts-file"} <= set(record.outputs)
    assert all(not output.ok and output.error for output in record.outputs.values())
    assert "conntrack" not in record.outputs


def test_a_flood_of_output_is_cut_off_and_named(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "COMMANDS", {**outputs.COMMANDS, "iptables": ("head", "-c", "50000000", "/dev/zero")})
    record = HostRecord("here")
    collect.ask(session, record, ("iptables",)).receive()
    output = record.outputs["iptables"]
    assert (output.rc, output.stdout) == (None, "")
    (limit,) = record.limits()
    assert limit.subject == "here: iptables"
    assert limit.why == f"more than {outputs.BYTES} bytes of output"


@pytest.mark.parametrize(
    ("tables", "asked"),
    [
        ([], False),
        ([("ip", "filter"), ("ip6", "nat")], False),  # iptables-nft's
        ([("ip", "filter"), ("inet", "filter")], True),
        ([("ip", "crowdsec")], True),
        ([("netdev", "door")], True),
    ],
)
def test_rules_in_nfts_own_words_are_asked_for_where_others_than_iptables_have_some(
    session: Session, tables: list[tuple[str, str]], asked: bool
) -> None:
    listed = json.dumps({"nftables": [{"table": {"family": family, "name": name}} for family, name in tables]})
    outputs = {"nft": CommandOutput(argv=("nft",), rc=0, stdout=listed)}
    found = collect.ask_words(session, HostRecord("h", outputs), HostRecord("h"), ())
    assert (found is not None) is asked
    if found is not None:
        found.receive()
        assert set(found.record.outputs) == {"nft-text"}
