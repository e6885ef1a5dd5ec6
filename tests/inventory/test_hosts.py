from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import netprobe
from netprobe.errors import EnvironmentFault, UsageFault
from netprobe.inventory import hosts as inventory
from netprobe.inventory.hosts import load, parse, running_lab

LAB = """
checkout = "/somewhere/else"

[hosts.server1]
reach = "netns:/var/run/netns/server1"
docker = "unix:///run/lab/server1/docker.sock"

[hosts.outside]
reach = "netns:/var/run/netns/outside"
become = "sudo -n"
"""


def test_hosts_are_read() -> None:
    hosts = parse(LAB, "hosts.toml")
    assert hosts["server1"].reach.prefix == ("nsenter", "--net=/var/run/netns/server1", "--")
    assert hosts["server1"].docker == "unix:///run/lab/server1/docker.sock"
    assert hosts["outside"].docker is None
    assert hosts["outside"].become == ("sudo", "-n")


def test_become_stands_before_the_way_in() -> None:
    host = parse(LAB, "hosts.toml")["outside"]
    argv = host.reach.argv(("ip", "addr"), host.become)
    assert argv == ("sudo", "-n", "nsenter", "--net=/var/run/netns/outside", "--", "ip", "addr")


def test_local_is_always_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "hosts.toml"
    file.write_text(LAB)
    assert set(load(file).hosts) == {"local", "server1", "outside"}
    assert load(file).hosts["local"].docker == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[hosts.a]\nreach = 'local'\n[hosts.a]\nreach = 'local'", "the host a is there twice"),
        ("[hosts.a]\nreach = 'local'\ndoker = 'x'", "unknown key 'doker'"),
        ("[host.a]\nreach = 'local'", "unknown key 'host'"),
        ("[hosts.a]\ndocker = 'unix:///x'", "has no reach"),
        ("[hosts.a]\nreach = 3", "reach is not a text"),
        ("[hosts.a]\nreach = ''", "reach is not a text"),
        ("[hosts.a]\nreach = 'netns:relative'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://-oProxyCommand=x'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://a:99999'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://a b'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://-l@a'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://root@a:99999'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://root@a:22/path'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://root@fe80::1'", "is not understood"),
        ("[hosts.a]\nreach = 'local'\ndocker = 'ftp://x'", "is not understood"),
        ("[hosts.a]\nreach = 'local'\nbecome = 'sudo \"x'", "become"),
        ("[hosts.'a b']\nreach = 'local'", "is not a host name"),
        ("hosts = 3", "hosts is not a table"),
        ("[hosts]\na = 3", "hosts.a is not a table"),
        ("x", "not a valid hosts file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, says: str) -> None:
    with pytest.raises(UsageFault) as fault:
        parse(text, "hosts.toml")
    assert says in fault.value.message
    assert "\n" not in fault.value.message
    assert fault.value.message.startswith(("hosts.toml", "host a"))


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "hosts.toml"
    file.write_text(text)
    return file


def test_two_names_for_one_machine_are_refused(tmp_path: Path) -> None:
    for one, other in (("local", "netns:/proc/self/ns/net"), ("netns:/no/such", "netns:/no/such")):
        file = write(tmp_path, f"[hosts.a]\nreach = '{one}'\n[hosts.b]\nreach = '{other}'\n")
        with pytest.raises(UsageFault, match="hosts a and b are one machine"):
            load(file)


def test_a_named_host_may_be_this_machine(tmp_path: Path) -> None:
    inventory = load(write(tmp_path, "[hosts.server1]\nreach = 'local'\n[hosts.b]\nreach = 'netns:/no/such'\n"))
    assert set(inventory.hosts) == {"server1", "b"}
    assert inventory.aliases == {"local": "server1"}
    own = load(write(tmp_path, "[hosts.local]\nreach = 'local'\ndocker = 'unix:///x'\n"))
    assert own.hosts["local"].docker == "unix:///x"
    assert own.aliases == {}


@given(st.text())
def test_no_text_crashes_it(text: str) -> None:
    with contextlib.suppress(UsageFault):
        parse(text, "hosts.toml")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="no such hosts file"):
        load(tmp_path / "nowhere")
    with pytest.raises(UsageFault, match="no such hosts file"):
        load(tmp_path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "hosts.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageFault, match="not UTF-8"):
        load(file)


def test_the_order_of_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given_file, named, config = tmp_path / "given.toml", tmp_path / "named.toml", tmp_path / "netprobe" / "hosts.toml"
    config.parent.mkdir()
    for file in (given_file, named, config):
        file.write_text("")
    monkeypatch.setenv("NETPROBE_HOSTS", str(named))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert load(given_file).origin == given_file
    assert load(None).origin == named
    monkeypatch.delenv("NETPROBE_HOSTS")
    assert load(None).origin == config
    config.unlink()
    monkeypatch.setattr(inventory, "LAB_ROOT", str(tmp_path / "no-lab"))
    assert load(None).origin is None


def lab_file(folder: Path, name: str, checkout: str) -> Path:
    file = folder / name / "hosts.toml"
    file.parent.mkdir()
    file.write_text(f'checkout = "{checkout}"\n')
    return file


@pytest.fixture
def own() -> str:
    return str(Path(netprobe.__file__).resolve().parent.parent)


def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "owned_by_root", lambda _file: True)


def test_this_checkouts_lab_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: str) -> None:
    as_root(monkeypatch)
    mine, other = lab_file(tmp_path, "b", own), lab_file(tmp_path, "a", "/elsewhere")
    assert running_lab([other, mine]) == mine
    assert running_lab([other]) == other
    assert running_lab([]) is None


def test_several_foreign_labs_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    as_root(monkeypatch)
    files = [lab_file(tmp_path, "a", "/one"), lab_file(tmp_path, "b", "/two")]
    with pytest.raises(UsageFault, match="several labs"):
        running_lab(files)


def test_a_lab_file_that_is_not_roots_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: str) -> None:
    monkeypatch.setattr(inventory, "owned_by_root", lambda file: file.parent.name != "b")
    evil, good = lab_file(tmp_path, "b", own), lab_file(tmp_path, "a", "/elsewhere")
    assert running_lab([evil, good]) == good


def test_permission_denied_is_the_environments_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "hosts.toml"
    file.write_text("")

    def denied(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(EnvironmentFault, match="permission denied"):
        load(file)
