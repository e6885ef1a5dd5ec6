"""Connection tracking: segments that it judges INVALID, entries that it holds on to, a table that is full."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import (
    HIP,
    DeleteDnat,
    Edit,
    Engine,
    Expected,
    Experiment,
    Stray,
    WaitPort,
    client,
    fails,
    on,
    start,
    works,
)

_BY_NAME = ("demo:80", "--from", "server1")
_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)
_HALF_AND_HALF = (  # a web server that sends half of its page, and the other half soon after
    r"""sh -c "printf 'HTTP/1.0 200 OK\r\nContent-Length: 8\r\n\r\nhalf' > /tmp/half; """
    r"""printf 'cat /tmp/half; sleep 0.03; printf half' > /tmp/page; """
    r"""exec socat TCP-LISTEN:80,fork,reuseaddr EXEC:'sh /tmp/page'" """
)
_SLOW: Final = start("demo", "busyboxplus", options="-p 80:80", command=_HALF_AND_HALF, port=80)
_AHEAD = 1_000_000  # far beyond any window here
_AT_ONCE = Stray(host="wires", interface="lan-server2", port=80, sender="client", ahead=_AHEAD)
_MIDWAY = Stray(host="wires", interface="lan-server2", port=80, sender="client", ahead=_AHEAD, after=1)
_FROM_SERVER = Stray(host="wires", interface="lan-server2", port=80, sender="server", ahead=_AHEAD, after=1)
_ANSWER = Stray(host="server2", container="demo", interface="eth0", port=80, sender="server", ahead=_AHEAD, after=1)
_TO_CONTAINERS: Final = on("router", f"ip route add 172.17.0.0/16 via {HIP}")  # without it nobody can answer 172.17.0.2
_FORGED = Stray(host="wires", interface="lan-server1", port=80, sender="server", reset=True)
_SLOW_ON_SERVER1: Final = (
    *start("slow", "busyboxplus", options="--network host", command=_HALF_AND_HALF, host="server1", port=80),
    *client(),
)
_BY_ADDRESS = (f"http://{HIP}/", "--from", "router", "--timeout", "3")
_DOWNLOAD = ("http://192.168.3.201/", "--from", "client@server2", "--timeout", "4")
_ECHO: Final = (
    *start("demo", "busyboxplus", options="-p 80:80/udp", command="udp-echo 80"),
    WaitPort(host="server2", container="demo", port=80, protocol="udp"),
)
_DATAGRAM = f"bash -c 'echo old > /dev/udp/{HIP}/80'"
_STARTED = WaitPort(host="server2", container="demo", port=80, protocol="udp")
_RESTARTED: Final = (
    *on("server2", "docker stop --time 0 demo"),
    *on("server1", _DATAGRAM),
    *on("server2", "docker start demo"),
    _STARTED,
)
_ENDLESS = (  # a peer that sends from one port for ever, as a keepalive does
    "sh -c 'while :; do echo x | socat -u - UDP4-SENDTO:192.168.3.202:51897,sourceport=40000; sleep 5; done'"
)
_PEER: Final = start("peer", "busyboxplus", options="--network host", command=_ENDLESS, host="server1")
_FLOWS: Final = on(
    "server2",
    "timeout 120 sh -c 'until conntrack -L -p udp --sport 40000 2>/dev/null | grep -q UNREPLIED; do sleep 0.1; done'",
)
_WG: Final = (
    *start("wg", "busyboxplus", options="-p 51897:51820/udp", command="udp-echo 51820"),
    WaitPort(host="server2", container="wg", port=51820, protocol="udp"),
)
_WG_RESTARTED: Final = (
    *on("server2", "docker stop --time 0 wg"),
    *_PEER,
    *_FLOWS,
    *on("server2", "docker start wg"),
    WaitPort(host="server2", container="wg", port=51820, protocol="udp"),
)
_UDP_DNAT = "iptables -t nat -A DOCKER ! -i docker0 -p udp --dport 80 -j DNAT --to-destination 172.17.0.2:80"


_LOST = on("server2", "sysctl -q -w net.ipv4.ip_forward=0")
_FORWARDS = Edit(host="server2", key="sysctl", pattern=r"(net\.ipv4\..*forward\w*) = 0", text=r"\1 = 1")


def _dropped(count: int) -> Edit:
    """How many packets conntrack says that it dropped meanwhile (at the start: none)."""
    return Edit(
        host="server2",
        key="conntrack-stat",
        pattern=r"(restart\n(\w+ +){10})\w+",
        text=rf"\g<1>{count:08x}",
        after=True,
    )


def _fill(count: int) -> Edit:
    """How full the table is; its maximum is told in the machine's first network namespace alone."""
    text = rf"\1_count = {count}\n\1_max = 262144"
    return Edit(host="server2", key="sysctl", pattern=r"(net\.netfilter\.nf_conntrack)_count = \d+", text=text)


_INVALID: Final = (
    Experiment(
        name="conntrack-invalid-rst",
        title="a segment from beyond the window: conntrack does not translate it, and the Docker host resets the connection",
        explain=_BY_NAME,
        expected=fails("conntrack-invalid-rst", path="dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=(_AT_ONCE,),
        near_miss=("app-not-listening", "proxy-dead", "prediction-differs"),
    ),
    Experiment(
        name="conntrack-invalid-rst-download",
        title="the same in the middle of a download: the container goes on sending, its client is gone",
        explain=("http://demo:80", "--from", "server1", "--timeout", "4"),
        expected=fails("conntrack-invalid-rst", path="dnat", resolution="inventory"),
        set_up=_SLOW,
        break_=(_MIDWAY,),
        near_miss=("app-not-listening",),
    ),
    Experiment(
        name="conntrack-invalid-rst-masquerade",
        title="the same for what a container downloads: the Docker host resets the far server's connection",
        explain=_DOWNLOAD,
        expected=fails("conntrack-invalid-rst", path="masquerade"),
        set_up=_SLOW_ON_SERVER1,
        break_=(_FROM_SERVER,),
        near_miss=("upstream-drop", "masquerade-missing"),
    ),
    Experiment(
        name="conntrack-invalid-rst-answer",
        title="the same for what the container answers: it leaves untranslated, and a client with a route to containers resets it",
        explain=_BY_ADDRESS,
        expected=fails("conntrack-invalid-rst", path="dnat"),
        set_up=_SLOW,
        break_=(*_TO_CONTAINERS, _ANSWER),
        near_miss=("app-not-listening",),
    ),
    Experiment(
        name="conntrack-invalid-answer-dropped",
        title="the same with the remedy, a rule that drops INVALID in DOCKER-USER",
        explain=_BY_ADDRESS,
        expected=works("dnat"),
        set_up=_SLOW,
        break_=(
            *_TO_CONTAINERS,
            *on("server2", "iptables -I DOCKER-USER -m conntrack --ctstate INVALID -j DROP"),
            _ANSWER,
        ),
        near_miss=("conntrack-invalid-rst", "docker-user-drop"),
    ),
    Experiment(
        name="conntrack-invalid-dropped",
        title="the same download with the remedy, a rule that drops INVALID in INPUT",
        explain=_DOWNLOAD,
        expected=works("masquerade"),
        set_up=_SLOW_ON_SERVER1,
        break_=(*on("server2", "iptables -I INPUT -m conntrack --ctstate INVALID -j DROP"), _FROM_SERVER),
        near_miss=("conntrack-invalid-rst", "input-drop"),
    ),
    Experiment(
        name="conntrack-liberal",
        title="the same segment to a published port, and conntrack takes what is beyond the window for valid: it is translated",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=(*on("server2", "sysctl -q -w net.netfilter.nf_conntrack_tcp_be_liberal=1"), _AT_ONCE),
        near_miss=("conntrack-invalid-rst",),
    ),
    Experiment(
        name="conntrack-reset-forged",
        title="the client is reset in the server's name by the network between: the Docker host sent nothing of the kind",
        explain=_BY_NAME,
        expected=Expected(
            verdict="undetermined", path="dnat", resolution="inventory", findings=("prediction-differs",)
        ),
        set_up=_NGINX,
        break_=(_FORGED,),
        near_miss=("conntrack-invalid-rst",),
    ),
)
_UDP: Final = (
    Experiment(
        name="udp-conntrack-stale",
        title="a client's UDP flow is older than the port's DNAT rule: it goes on past the container",
        explain=("demo:80/udp", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory", findings=("udp-conntrack-stale",)),
        set_up=_ECHO,
        break_=(
            DeleteDnat(host="server2", port=80, protocol="udp"),
            *on("server1", _DATAGRAM),
            *on("server2", _UDP_DNAT),
        ),
        near_miss=("dnat-missing", "udp-reply-source"),
    ),
    Experiment(
        name="udp-conntrack-fresh",
        title="the same client once the rule is there: its flow is DNATed like every other",
        explain=("demo:80/udp", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory"),
        set_up=_ECHO,
        break_=(
            DeleteDnat(host="server2", port=80, protocol="udp"),
            *on("server2", _UDP_DNAT),
            *on("server1", _DATAGRAM),
        ),
        near_miss=("udp-conntrack-stale", "dnat-missing"),
    ),
    Experiment(
        name="udp-conntrack-stale-restarted",
        title="a client sent while the container was stopped: its flow goes on past the container that was started again",
        explain=("demo:80/udp", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory", findings=("udp-conntrack-stale",)),
        set_up=_ECHO,
        break_=_RESTARTED,
        engine="20",
    ),
    Experiment(
        name="udp-conntrack-stale-no-proxy",
        title="the same without docker-proxy: nobody gets what that client sends, and every other client is served",
        explain=("demo:80/udp", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory", findings=("udp-conntrack-stale",)),
        set_up=(Engine(host="server2", options=(("userland-proxy", False),)), *_ECHO),
        break_=_RESTARTED,
        engine="20",
    ),
    Experiment(
        name="udp-conntrack-stale-port",
        title="a peer that never stops sending, and a published port with two numbers: its flow is older than the restarted container's DNAT rule",
        explain=("wg:51820/udp", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory", findings=("udp-conntrack-stale",)),
        set_up=_WG,
        break_=_WG_RESTARTED,
        engine="20",
    ),
    Experiment(
        name="udp-conntrack-port-deleted",
        title="the same peer once its entry was deleted: its flow is DNATed",
        explain=("wg:51820/udp", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory"),
        set_up=_WG,
        break_=(*_WG_RESTARTED, *on("server2", "conntrack -D -p udp --orig-port-dst 51897")),
        near_miss=("udp-conntrack-stale",),
        engine="20",
    ),
    Experiment(
        name="udp-conntrack-deleted",
        title="the same after the remedy: the entries of that port are deleted",
        explain=("demo:80/udp", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory"),
        set_up=_ECHO,
        break_=(*_RESTARTED, *on("server2", "conntrack -D -p udp --orig-port-dst 80")),
        near_miss=("udp-conntrack-stale",),
        engine="20",
    ),
)
_FULL: Final = (
    Experiment(
        name="conntrack-full",
        title="the Docker host's connection tracking table is full (built by hand: its fill; what lost the packets, a host that does not forward, is taken out)",
        explain=("demo:80", "--from", "server1", "--timeout", "2"),
        expected=fails("conntrack-full", resolution="inventory"),
        set_up=_NGINX,
        break_=_LOST,
        edits=(_FORWARDS, _fill(262144), _dropped(9)),
        near_miss=("ip-forward-off", "upstream-drop", "forward-drop"),
    ),
    Experiment(
        name="conntrack-full-dropped-none",
        title="the same, and conntrack says that it dropped nothing (built by hand): whatever it was, a full table it was not",
        explain=("demo:80", "--from", "server1", "--timeout", "2"),
        expected=Expected(
            verdict="undetermined", path="none", resolution="inventory", findings=("prediction-differs",)
        ),
        set_up=_NGINX,
        break_=_LOST,
        edits=(_FORWARDS, _fill(262144)),
        near_miss=("conntrack-full",),
    ),
    Experiment(
        name="conntrack-nearly-full",
        title="the same with room for one more entry (built by hand)",
        explain=("demo:80", "--from", "server1", "--timeout", "2"),
        expected=Expected(
            verdict="undetermined", path="none", resolution="inventory", findings=("prediction-differs",)
        ),
        set_up=_NGINX,
        break_=_LOST,
        edits=(_FORWARDS, _fill(262143), _dropped(9)),
        near_miss=("conntrack-full",),
    ),
    Experiment(
        name="conntrack-full-known",
        title="the table is full, and it works (built by hand: its fill): there was room at that moment",
        explain=("demo:80", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory"),
        set_up=_NGINX,
        edits=(_fill(262144),),
        near_miss=("conntrack-full",),
    ),
)
CONNTRACK: Final = (*_INVALID, *_UDP, *_FULL)
