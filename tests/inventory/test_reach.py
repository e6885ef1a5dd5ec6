"""What a hosts file's ``reach`` becomes: the words that a command is put behind."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from netprobe.errors import UsageFault
from netprobe.inventory.reach import Reach, parse_reach


@pytest.mark.parametrize(
    ("text", "ends", "spoken"),
    [
        ("ssh://server1", ["--", "server1"], "ssh server1"),
        ("ssh://root@192.168.3.201", ["-lroot", "--", "192.168.3.201"], "ssh root@192.168.3.201"),
        ("ssh://root@server1:2222/", ["-p2222", "-lroot", "--", "server1"], "ssh -p 2222 root@server1"),
        ("ssh://me@[fe80::1%eth0]:22", ["-p22", "-lme", "--", "fe80::1%eth0"], "ssh -p 22 me@fe80::1%eth0"),
    ],
)
def test_where_ssh_goes(text: str, ends: list[str], spoken: str) -> None:
    reach = parse_reach("h", text)
    assert list(reach.prefix[-len(ends) :]) == ends
    assert reach.prefix[0] == "ssh"
    assert reach.spoken == spoken
    assert not reach.same_machine


@pytest.mark.parametrize(
    "text", ["ssh://-x@h", "ssh://-h", "ssh://a b", "ssh://h:0x16", "ssh://h:70000", "ssh://u@", "ssh:h"]
)
def test_what_ssh_could_misunderstand_is_refused(text: str) -> None:
    with pytest.raises(UsageFault, match="is not understood"):
        parse_reach("h", text)


def test_the_remote_shell_gets_every_word_as_it_is() -> None:
    words = ["python3", "-c", 'print("a b; $(id) `id` \\n")', "it's"]
    *prefix, line = Reach(prefix=("ssh", "h"), quoted=True).argv(words, ("sudo", "-n"))
    assert prefix == ["ssh", "h"]
    assert shlex.split(line) == ["sudo", "-n", *words]
    said = subprocess.run(["sh", "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True).stdout
    assert said == "\n".join(["sudo", "-n", *words]) + "\n"
