"""Rules that are decided by what no listing shows: how many connections there are, what a program in user space says."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Expected, Experiment, Step, fails, on, start, works

_BY_NAME: Final = ("web:80", "--from", "server1", "--timeout", "2")
_WEB: Final = start("web", "nginx", options="-p 8080:80", port=80)
_UNTOLD: Final = Expected(verdict="undetermined", path="none", resolution="inventory")


def _nft(rule: str) -> tuple[Step, ...]:
    return on(
        "server2",
        "nft add table inet many",
        "nft add chain inet many f '{ type filter hook forward priority -10; }'",
        f"nft add rule inet many f {rule}",
    )


UNLISTED: Final = (
    Experiment(
        name="ct-count-reached",
        title="nftables drops above a number of connections that is reached: the rule's counter tells",
        explain=_BY_NAME,
        expected=fails("forward-drop", resolution="inventory"),
        set_up=_WEB,
        break_=_nft("tcp dport 80 ct count over 0 counter drop"),
        near_miss=("docker-user-drop", "upstream-drop"),
    ),
    Experiment(
        name="ct-count-room",
        title="the same with room: the counter stands",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_WEB,
        break_=_nft("tcp dport 80 ct count over 100 counter drop"),
        near_miss=("forward-drop",),
    ),
    Experiment(
        name="ct-count-uncounted",
        title="the same, reached, by a rule without a counter: nothing tells whether it was this rule",
        explain=_BY_NAME,
        expected=_UNTOLD,
        set_up=_WEB,
        break_=_nft("tcp dport 80 ct count over 0 drop"),
        near_miss=("forward-drop", "upstream-drop"),
    ),
    Experiment(
        name="connlimit-reached",
        title="connlimit of iptables drops above a number of connections that is reached",
        explain=_BY_NAME,
        expected=fails("docker-user-drop", resolution="inventory"),
        set_up=_WEB,
        break_=on("server2", "iptables -I DOCKER-USER -p tcp --syn -m connlimit --connlimit-above 0 -j DROP"),
        near_miss=("forward-drop", "upstream-drop"),
    ),
    Experiment(
        name="queue-unserved",
        title="a rule hands packets to a program in user space (NFQUEUE), and none listens: the kernel drops them",
        explain=_BY_NAME,
        expected=_UNTOLD,
        set_up=_WEB,
        break_=on("server2", "iptables -I FORWARD -p tcp --dport 80 -j NFQUEUE --queue-num 7"),
        near_miss=("docker-user-drop", "upstream-drop"),
    ),
    Experiment(
        name="queue-bypassed",
        title="the same with --queue-bypass: where no program listens, packets go on",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_WEB,
        break_=on("server2", "iptables -I FORWARD -p tcp --dport 80 -j NFQUEUE --queue-num 7 --queue-bypass"),
        near_miss=("forward-drop",),
    ),
)
