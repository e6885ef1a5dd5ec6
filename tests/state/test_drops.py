"""The kernel's drop reasons as recorded (Linux 6.18, bpftrace 0.17), cut, mixed up and made up."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from netprobe.state.drops import Dropped, parse_drops
from netprobe.state.issues import Issues

SAMPLES = Path(__file__).parent / "samples" / "drops"
NAMES = 'print fmt: "… reason: %s", REC->rx_sk, __print_symbolic(REC->reason, { 2, "NOT_SPECIFIED" }, { 12, "NETFILTER_DROP" })'
HEAD = f"netns 4026531840\nnetns 4026532201 demo\n{NAMES}\nAttaching 2 probes...\nready\n"
LINE = "drop 12 4026531840 nft_do_chain tcp 192.0.2.1 1000 192.0.2.2 80 2 eth0"


def sample(name: str) -> str:
    return (SAMPLES / f"{name}.txt").read_text()


def drops(text: str) -> tuple[Dropped, ...]:
    issues = Issues("drops")
    found = parse_drops(text, issues)
    assert issues.found == []
    return found


def test_netfilter() -> None:
    first, again = drops(sample("netfilter"))
    assert first == again
    assert (first.reason, first.at, first.container, first.interface) == (
        "NETFILTER_DROP",
        "nft_do_chain",
        None,
        "eth0",
    )
    assert (str(first.dst), first.info, first.is_loss) == ("172.17.0.2:80", "SYN", True)


def test_what_another_host_of_the_same_kernel_dropped_is_not_ours() -> None:
    assert "\ndrop 104 " in sample("closed")
    assert drops(sample("closed")) == ()


def test_what_lay_in_a_closed_sockets_queue_is_no_loss() -> None:
    inode = next(line.split()[2] for line in sample("closed").splitlines() if line.startswith("drop "))
    (drop,) = drops(f"netns {inode}\n{sample('closed')}")
    assert (drop.reason, drop.info, drop.interface, drop.is_loss) == ("QUEUE_PURGE", "FIN-ACK", "", False)


def test_a_container_is_named() -> None:
    (drop,) = drops(HEAD + LINE.replace("4026531840", "4026532201"))
    assert drop.container == "demo"


def test_an_echo_and_ipv6() -> None:
    (echo, six) = drops(
        f"{HEAD}drop 12 4026531840 f icmp fd00::1 0 fd00:0:0::2 0 128 eth0\n"
        "drop 12 4026531840 f tcp fd00::1 1000 fd00::2 80 17 eth0"
    )
    assert (str(echo.src), str(echo.dst), echo.info) == ("fd00::1", "fd00::2", "echo request")
    assert (str(six.src), str(six.dst), six.info) == ("[fd00::1]:1000", "[fd00::2]:80", "FIN-ACK")


def test_an_echo_reply_that_a_raw_socket_heard_is_no_loss() -> None:
    text = HEAD.replace('12, "NETFILTER_DROP"', '3, "NO_SOCKET"')
    request, reply = drops(
        f"{text}drop 3 4026531840 ping_rcv icmp 192.0.2.1 0 192.0.2.2 0 8 eth0\n"
        "drop 3 4026531840 ping_rcv icmp 192.0.2.2 0 192.0.2.1 0 0 eth0"
    )
    assert (request.is_loss, reply.is_loss) == (True, False)


def test_a_reason_without_a_name_keeps_its_number_and_without_any_names_nothing_is_said() -> None:
    (drop,) = drops(HEAD + LINE.replace("12", "196608"))
    assert drop.reason == "reason 196608"
    assert drops(HEAD.replace(NAMES + "\n", "") + LINE) == ()


def test_no_reason_is_no_loss() -> None:
    (drop,) = drops(HEAD + LINE.replace("12", "2", 1))
    assert (drop.reason, drop.is_loss) == ("NOT_SPECIFIED", False)


def test_what_is_no_drop_is_named() -> None:
    issues = Issues("drops")
    text = f"{HEAD}Lost 7 events\ndrop 12 x\n{LINE.replace('192.0.2.1', '192.0.2.256')}\n"
    assert parse_drops(text, issues) == ()
    assert [(issue.line, issue.why) for issue in issues.found] == [
        (6, "bpftrace was too slow for some drops"),
        (7, "not a line of the kernel's drops"),
    ]


def test_cut_anywhere_nothing_new_is_said() -> None:
    text = sample("netfilter")
    whole = drops(text)
    for at in range(0, len(text), 17):
        for cut, full in zip(parse_drops(text[:at], Issues("drops")), whole, strict=False):
            assert (cut.reason, cut.src, cut.dst) == (full.reason, full.src, full.dst)


@given(st.text())
def test_no_text_crashes_it(text: str) -> None:
    parse_drops(text, Issues("drops"))


@given(st.text(), st.text(), st.integers(-9, 10**30))
def test_no_words_crash_it(one: str, other: str, number: int) -> None:
    for line in (
        f"drop {number} 4026531840 {one} tcp {other} 1 {one} {number} {number} {other}",
        f"netns {number} {one}",
    ):
        parse_drops(f"{HEAD}{line}\n{LINE}", Issues("drops"))


@given(st.integers(), st.integers(1, 200))
def test_lines_mixed_up_and_bytes_turned_do_not_crash_it(seed: int, turned: int) -> None:
    chance = random.Random(seed)
    lines = sample("netfilter").splitlines()
    chance.shuffle(lines)
    letters = list("\n".join(lines))
    for _ in range(turned):
        letters[chance.randrange(len(letters))] = chance.choice('\0\n "(){}#:0x\U0001f600')
    parse_drops("".join(letters), Issues("drops"))
