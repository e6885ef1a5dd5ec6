from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.evidence.state import CommandOutput
from netprobe.survey.facts import hint_for, judge
from netprobe.survey.model import Answers, Usable

ROOT = "CapEff:\t000001ffffffffff\n"
LINKS = [
    {"ifname": "lo", "ifindex": 1, "flags": ["UP", "LOWER_UP"]},
    {"ifname": "docker0", "ifindex": 2, "flags": ["UP"], "linkinfo": {"info_kind": "bridge"}},
    {"ifname": "eth1", "ifindex": 3, "flags": []},
]


def text(stdout: str) -> CommandOutput:
    return CommandOutput(argv=("x",), stdout=stdout)


OUTPUTS = {
    "status": text(ROOT),
    "kernel": text("6.1.0\n"),
    "addr": text(json.dumps(LINKS)),
    "iptables-version": text("iptables-save v1.8.9 (nf_tables)\n"),
    "docker-version": text(json.dumps({"Version": "20.10.24", "ApiVersion": "1.41"})),
    "containers": text(
        json.dumps(
            [
                {"Id": "a" * 64, "Name": "/demo", "State": {"Status": "running", "Running": True, "Pid": 7}},
                {"Id": "b" * 64, "Name": "/old", "State": {"Status": "exited"}},
            ]
        )
    ),
}
WHOLE = Answers(name="server1", uid=0, python="3.11.2", outputs=OUTPUTS)


def but(**changed: object) -> Answers:
    values = {name: getattr(WHOLE, name) for name in Answers.__slots__}
    return Answers(**{**values, **changed})


def test_a_whole_host_is_usable() -> None:
    host = judge(WHOLE)
    assert host.usable is Usable.YES
    assert (host.running, host.containers, host.kernel, host.backend) == (1, 2, "6.1.0", "nf_tables")
    assert host.engine is not None
    assert host.engine.version == "20.10.24"
    assert [(each.name, each.kind, each.up) for each in host.interfaces or ()] == [
        ("lo", "", True),
        ("docker0", "bridge", True),
        ("eth1", "", False),
    ]


@pytest.mark.parametrize(
    ("changed", "usable", "says"),
    [
        ({"missing": ("tcpdump",)}, Usable.NO, "tcpdump"),
        ({"missing": ("ip",)}, Usable.NO, "ip"),
        ({"missing": ("nft",)}, Usable.PARTLY, "nft"),
        ({"missing": ("nsenter",)}, Usable.PARTLY, "nsenter"),
        ({"uid": 1000}, Usable.NO, "root"),
        ({"outputs": {**OUTPUTS, "status": text("CapEff:\t0000000000000000\n")}}, Usable.NO, "CAP_NET_RAW"),
        ({"outputs": {**OUTPUTS, "status": text("CapEff:\t0000000000202000\n")}}, Usable.PARTLY, "CAP_NET_ADMIN"),
    ],
)
def test_what_is_lacking_decides(changed: dict[str, object], usable: Usable, says: str) -> None:
    host = judge(but(**changed))
    assert host.usable is usable
    assert host.lacks[0].what == says


def test_what_nothing_goes_without_stands_first() -> None:
    host = judge(but(missing=("nft", "tcpdump", "ss")))
    assert [lack.what for lack in host.lacks] == ["tcpdump", "ss", "nft"]


def test_unknown_is_not_empty() -> None:
    host = judge(Answers(name="server1", uid=0))
    assert host.engine is None
    assert host.containers is None
    assert host.interfaces is None
    assert host.backend == ""
    assert host.lacks == ()


def test_an_engine_that_does_not_answer_makes_the_host_unusable() -> None:
    host = judge(but(engine_fault="Docker is not running", engine_hint="start it"))
    assert host.usable is Usable.NO
    assert judge(but(fault="lost", engine_fault="no")).engine is not None


@pytest.mark.parametrize(
    ("fault", "become", "says"),
    [
        ("nsenter: reassociate to namespace 'ns/net' failed: Operation not permitted", "", "as root"),
        ("nsenter: reassociate to namespace 'ns/net' failed: Operation not permitted", "doas", "doas"),
        ("nsenter: cannot open /run/netns/x: No such file or directory", "", "is that host up"),
        ("timeout: failed to run command 'python3': No such file or directory", "", "package python3"),
        ("no answer within 5 s", "", "--timeout"),
        ("anything else", "", "reach ="),
    ],
)
def test_each_fault_has_its_hint(fault: str, become: str, says: str) -> None:
    assert says in hint_for(fault, become)


@given(st.dictionaries(st.sampled_from([*OUTPUTS]), st.text().map(text)), st.text())
def test_no_answer_crashes_it(outputs: dict[str, CommandOutput], fault: str) -> None:
    judge(but(outputs=outputs))
    judge(but(outputs=outputs, fault=fault))
