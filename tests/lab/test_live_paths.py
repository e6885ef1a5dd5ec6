"""What a live run sees, dials and finds out, against real engines. Verdicts are the experiments' business, not tested here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netprobe.errors import EnvironmentFault, UsageFault
from netprobe.evidence.model import Evidence, Outcome, Place, Proto, Resolution
from netprobe.evidence.stream.whole import read
from netprobe.live import Question, explain
from netprobe_lab.steps import clean, on_host
from tests.lab.serving import nginx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe_lab.layout import Lab

DEMO = Place(host="server2", container="demo")


@pytest.fixture(scope="module")
def populated(lab: Lab) -> Iterator[Lab]:
    clean(lab)
    nginx(lab, "-p", "8080:80")
    docker(lab, "run", "-d", "--name", "c1", "busybox", "sleep", "9999")
    docker(lab, "network", "create", "net2")
    docker(lab, "run", "-d", "--name", "c2", "--network", "net2", "busybox", "sleep", "9999")
    docker(lab, "run", "-d", "--name", "c3", "--network", "net2", "busybox", "sleep", "9999")
    docker(lab, "run", "-d", "--name", "side", "--network", "container:demo", "busybox", "sleep", "9999")
    docker(lab, "run", "-d", "--name", "linked", "--link", "demo:nginx", "busybox", "sleep", "9999")
    docker(lab, "run", "-d", "--name", "echo", "-p", "53:53/udp", "busyboxplus", "udp-echo", "53")
    docker(lab, "create", "--name", "idle", "-p", "9000:80", "nginx")
    docker(lab, "run", "-d", "--name", "twin", "busybox", "sleep", "9999")
    docker(lab, "run", "-d", "--name", "twin", "busybox", "sleep", "9999", host="server1")
    yield lab
    clean(lab)


def docker(lab: Lab, *argv: str, host: str = "server2") -> str:
    return on_host(lab, host, ["docker", *argv]).stdout


def ask(
    lab: Lab, target: str, source: str, proto: Proto | None = None, size: int | None = None, timeout_s: float = 3.0
) -> Evidence:
    question = Question(target=target, source=source, proto=proto, size=size, timeout_s=timeout_s)
    return read(explain(question, hosts_file=lab.hosts_file, progress=lambda _: None))


def outcome(evidence: Evidence) -> Outcome:
    assert evidence.probe is not None
    return evidence.probe.result.outcome


def count(evidence: Evidence, point: str) -> int:
    names = [each.name for each in evidence.points]
    return int((evidence.packets.point == names.index(point)).sum())


@pytest.mark.parametrize(
    ("target", "source", "proto", "expected", "target_at"),
    [
        ("demo:80", "server1", None, Outcome.CONNECTED, DEMO),
        ("demo:80", "server1", Proto.HTTP, Outcome.REPLIED, DEMO),
        ("http://192.168.3.202:8080/", "server1", None, Outcome.REPLIED, DEMO),
        ("demo:80", "server2", None, Outcome.CONNECTED, DEMO),
        ("127.0.0.1:8080", "server2", None, Outcome.CONNECTED, DEMO),
        ("localhost:8080", "server2", Proto.HTTP, Outcome.REPLIED, DEMO),
        ("192.168.3.202:8080", "server2", None, Outcome.CONNECTED, DEMO),
        ("192.168.3.202:8080", "c1", None, Outcome.CONNECTED, DEMO),
        ("192.168.3.202:8080", "c2", None, Outcome.CONNECTED, DEMO),
        ("127.0.0.1:80", "side", None, Outcome.CONNECTED, DEMO),
        ("nginx:80", "linked", None, Outcome.CONNECTED, DEMO),
        ("c3", "c2", None, Outcome.REPLIED, Place(host="server2", container="c3")),
        ("demo", "server2", None, Outcome.REPLIED, DEMO),
        ("server2", "server1", None, Outcome.REPLIED, Place(host="server2")),
        ("server2:1", "server1", None, Outcome.REFUSED, Place(host="server2")),
        ("idle:80", "server1", None, Outcome.REFUSED, Place(host="server2", container="idle")),
        ("echo:53/udp", "server1", None, Outcome.REPLIED, Place(host="server2", container="echo")),
        ("192.168.3.202:54/udp", "server1", None, Outcome.REFUSED, Place(host="server2")),
        ("www.outside.test:80", "c1", Proto.HTTP, Outcome.REPLIED, Place(host="outside")),
        ("www.outside.test", "c2", Proto.DNS, Outcome.ANSWERED, Place(host="server2", container="c2")),
        ("www.outside.test", "server1", Proto.DNS, Outcome.ANSWERED, Place(host="outside")),
        ("nothing.outside.test", "server1", Proto.DNS, Outcome.NO_NAME, Place(host="outside")),
        ("demo:80", "c2", None, Outcome.NO_NAME, DEMO),
        ("nobody:80", "c2", None, Outcome.NO_NAME, None),
    ],
)
def test_outcomes(
    populated: Lab, target: str, source: str, proto: Proto | None, expected: Outcome, target_at: Place | None
) -> None:
    evidence = ask(populated, target, source, proto)
    assert evidence.probe is not None
    assert (outcome(evidence), evidence.probe.target_at) == (expected, target_at), evidence.probe
    assert len(evidence.packets), "a run without packets proves nothing"
    assert evidence.limits == ()


def test_every_point_of_the_way_saw_the_connection(populated: Lab) -> None:
    evidence = ask(populated, "demo:80", "server1", Proto.HTTP)
    way = [point.name for point in evidence.points if point.interface != "lo"]
    assert [name for name in way if "veth" not in name] == [
        "server1/eth0",
        "server2/eth0",
        "server2/docker0",
        "server2/demo/eth0",
    ]
    assert len(way) == 5
    assert len({count(evidence, name) for name in way}) == 1
    assert all(point.dropped == 0 for point in evidence.points)


def test_state_is_whole_and_counters_move(populated: Lab) -> None:
    evidence = ask(populated, "demo:80", "server1")
    before = {state.host: state.outputs for state in evidence.before}
    after = {state.host: state.outputs for state in evidence.after}
    assert set(before) == {"server1", "server2"}
    wanted = {
        "addr",
        "route",
        "rule",
        "neigh",
        "fdb",
        "iptables",
        "nft",
        "sockets",
        "sysctl",
        "proxies",
        "containers",
        "networks",
    }
    assert wanted | {"ns/demo/addr", "ns/demo/sockets", "ns/demo/hosts-file"} <= set(before["server2"])
    assert all(output.ok for output in before["server2"].values())
    assert before["server2"]["iptables"].stdout != after["server2"]["iptables"].stdout


def test_nothing_of_the_recording_machine_is_in_the_file(populated: Lab) -> None:
    from pathlib import Path

    question = Question(target="demo:80", source="server1")
    data = explain(question, hosts_file=populated.hosts_file, progress=lambda _: None)
    evidence = read(data)
    text = "".join(
        output.stdout + " ".join(output.argv) for state in evidence.before for output in state.outputs.values()
    )
    assert str(populated.run_dir) not in text
    assert str(populated.data_dir) not in text
    servers = [
        line.split()[1] for line in Path("/etc/resolv.conf").read_text().splitlines() if line.startswith("nameserver")
    ]
    assert not any(f"nameserver {server}\n" in text for server in servers if not server.startswith("127."))


def test_lookups_are_seen_and_told(populated: Lab) -> None:
    evidence = ask(populated, "c3:80", "c2")
    assert evidence.probe is not None
    assert evidence.probe.lookup.how is Resolution.EMBEDDED_DNS
    assert count(evidence, "server2/c2/lo") == 2
    linked = ask(populated, "nginx:80", "linked").probe
    assert linked is not None
    assert linked.lookup.how is Resolution.HOSTS_FILE
    missing = ask(populated, "demo:80", "c2").probe
    assert missing is not None
    assert (missing.lookup.how, missing.lookup.rcode) == (Resolution.FAILED, "NXDOMAIN")


def test_link_variables_are_kept_and_no_other(populated: Lab) -> None:
    evidence = ask(populated, "nginx:80", "linked")
    containers = next(state.outputs["containers"].stdout for state in evidence.before)
    assert "NGINX_PORT_80_TCP_ADDR=172.17.0.2" in containers
    assert "PATH=" not in containers


def test_a_udp_reply_from_another_address_is_told(populated: Lab) -> None:
    probe = ask(populated, "192.168.3.202:53/udp", "c1").probe
    assert probe is not None
    assert probe.result.replied_from == ("172.17.0.1", 53)


@pytest.mark.parametrize("proto", [Proto.ICMP, Proto.HTTP])
def test_sizes_beyond_the_mtu(populated: Lab, proto: Proto) -> None:
    target = "demo" if proto is Proto.ICMP else "demo:80"
    evidence = ask(populated, target, "server2", proto, size=4000)
    assert outcome(evidence) is Outcome.REPLIED


def test_another_container_in_the_way_is_watched_as_well(populated: Lab) -> None:
    """c3 publishes nothing, and its port number on the host is somebody else's."""
    evidence = ask(populated, "c3:8080", "server1")
    assert evidence.probe is not None
    assert evidence.probe.target_at == Place(host="server2", container="c3")
    assert count(evidence, "server2/demo/eth0") > 0


@pytest.mark.parametrize(
    ("target", "source", "says"),
    [
        ("twin:80", "server1", "'twin' is ambiguous: twin@server1, twin@server2"),
        ("nobody:80", "server1", "'nobody' is no container, no service, no host, and server1 cannot look it up"),
        ("nobody@server2:80", "server1", "server2 has no container or service called 'nobody'"),
        ("demo@server9:80", "server1", "no host is called 'server9'"),
        ("demo:80", "nobody", "no host, container or service is called 'nobody'"),
        ("demo:80", "idle", "idle@server2 does not run (created)"),
        ("demo", "server1", "ICMP"),
    ],
)
def test_questions_that_cannot_be_asked(populated: Lab, target: str, source: str, says: str) -> None:
    with pytest.raises(UsageFault) as fault:
        ask(populated, target, source)
    assert says in fault.value.message
    assert "\n" not in fault.value.message


def test_an_engine_that_is_not_there(populated: Lab, tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "hosts.toml"
    text = populated.hosts_file.read_text().replace(str(populated.socket("server2")), "/no/such.sock")
    file.write_text(text)
    question = Question(target="demo:80", source="server1")
    with pytest.raises(EnvironmentFault, match=r"on server2 no engine answers at unix:///no/such\.sock"):
        explain(question, hosts_file=file, progress=lambda _: None)
    by_address = explain(
        Question(target="192.168.3.202:8080", source="server1"), hosts_file=file, progress=lambda _: None
    )
    assert [limit.subject for limit in read(by_address).limits] == ["server2"]


def test_a_host_that_is_not_there(populated: Lab, tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "hosts.toml"
    file.write_text(populated.hosts_file.read_text() + '\n[hosts.gone]\nreach = "netns:/var/run/netns/no-such"\n')
    with pytest.raises(EnvironmentFault, match="gone cannot be reached"):
        explain(Question(target="127.0.0.1", source="gone"), hosts_file=file, progress=lambda _: None)
    assert (
        read(explain(Question(target="demo:80", source="server1"), hosts_file=file, progress=lambda _: None)).limits
        == ()
    )
