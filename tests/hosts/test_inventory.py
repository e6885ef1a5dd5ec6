from __future__ import annotations

import os
from pathlib import Path

import pytest

import netprobe
from netprobe.errors import EnvironmentFault, UsageFault
from netprobe.hosts import inventory
from netprobe.hosts.inventory import load, running_labs

CHECKOUT = str(Path(netprobe.__file__).resolve().parent.parent)


def write(file: Path, text: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.fixture(autouse=True)
def nobody_names_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NETPROBE_HOSTS", raising=False)
    monkeypatch.delenv("NETPROBE_LAB", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def labs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of running labs: nobody's but the test's."""
    folder = tmp_path / "labs"
    folder.mkdir()
    monkeypatch.setattr(inventory, "LAB_ROOT", folder)
    monkeypatch.setattr(inventory, "owned_by_root", lambda file: file.parent.name != "evil")
    return folder


def lab(labs: Path, ident: str, checkout: str = "/elsewhere") -> Path:
    text = f'lab = "{ident}"\ncheckout = "{checkout}"\n[hosts.server1]\nreach = "netns:/no/{ident}"\n'
    return write(labs / ident / "hosts.toml", text)


def test_the_order_of_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given_file, named = write(tmp_path / "given.toml"), write(tmp_path / "named.toml")
    config = write(tmp_path / "config" / "netprobe" / "hosts.toml")
    monkeypatch.setenv("NETPROBE_HOSTS", str(named))
    assert load(given_file).origin == str(given_file)
    assert load(str(given_file)).origin == str(given_file)
    assert load(None).origin == str(named)
    monkeypatch.setenv("NETPROBE_HOSTS", "")
    assert load(None).origin == str(config)
    config.unlink()
    assert load(None).origin == ""


def test_a_running_lab_is_not_the_inventory_unless_it_is_asked_for(labs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = lab(labs, "mine", CHECKOUT)
    assert (load(None).origin, list(load(None).hosts)) == ("", ["local"])
    asked = load("lab")
    assert (asked.origin, asked.lab, list(asked.hosts)) == (str(mine), "mine", ["server1"])
    monkeypatch.setenv("NETPROBE_HOSTS", "lab")
    assert load(None) == asked
    assert load(mine) == asked


def test_of_several_labs_this_checkouts(labs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = lab(labs, "a")
    assert load("lab").origin == str(other)
    lab(labs, "c")
    with pytest.raises(UsageFault, match=r"several labs are running: a .*, c "):
        load("lab")
    mine = lab(labs, "b", CHECKOUT)
    assert load("lab").origin == str(mine)
    monkeypatch.setenv("NETPROBE_LAB", "c")
    assert load("lab").lab == "c"
    monkeypatch.setenv("NETPROBE_LAB", "../c")
    with pytest.raises(EnvironmentFault, match=r"no lab called \.\./c is running"):
        load("lab")


def test_only_labs_that_root_wrote_down_count(labs: Path) -> None:
    lab(labs, "evil", CHECKOUT)
    write(labs / "broken" / "hosts.toml", "[")
    write(labs / "old" / "hosts.toml", "[hosts.server1]\nreach = 'local'\n")
    good = lab(labs, "good")
    assert [each.id for each in running_labs(labs)] == ["good"]
    assert load("lab").origin == str(good)


def test_without_a_lab_it_says_so(labs: Path) -> None:
    with pytest.raises(EnvironmentFault, match="no lab is running"):
        load("lab")


def test_a_file_called_lab(labs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "lab")
    assert load("./lab").origin == "lab"


def test_who_wrote_a_file(tmp_path: Path) -> None:
    file = write(tmp_path / "f")
    assert inventory.owned_by_root(file) == (os.geteuid() == 0)
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert not inventory.owned_by_root(tmp_path / "link")


def test_two_names_for_one_machine_are_refused(tmp_path: Path) -> None:
    for one, other in (("local", "netns:/proc/self/ns/net"), ("netns:/no/such", "netns:/no/such")):
        file = write(tmp_path / "f", f"[hosts.a]\nreach = '{one}'\n[hosts.b]\nreach = '{other}'\n")
        with pytest.raises(UsageFault, match="hosts a and b are one machine"):
            load(file)


def test_a_named_host_may_be_this_machine(tmp_path: Path) -> None:
    text = "[hosts.server1]\nreach = 'local'\n[hosts.b]\nreach = 'netns:/no/such'\n"
    found = load(write(tmp_path / "f", text))
    assert set(found.hosts) == {"server1", "b"}
    assert found.aliases == {"local": "server1"}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="no such hosts file"):
        load(tmp_path / "nowhere")
    with pytest.raises(UsageFault, match="no such hosts file"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_no_file_can_have(name: str) -> None:
    with pytest.raises(UsageFault, match="no such hosts file"):
        load(name)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "hosts.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageFault, match="not UTF-8"):
        load(file)


def test_a_configuration_that_may_not_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "exists", denied)
    with pytest.raises(EnvironmentFault, match="permission denied") as fault:
        load(None)
    assert "--hosts" in fault.value.hint


def test_permission_denied_is_the_environments_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = write(tmp_path / "hosts.toml")

    def denied(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(EnvironmentFault, match="permission denied"):
        load(file)
