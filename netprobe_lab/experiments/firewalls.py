"""Rules that drop, rules that are missing, and the way out of a host. Experiment 5."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import HIP, DeleteDnat, Expected, Experiment, Step, WaitPort, client, on, start

_BY_NAME = ("demo:80", "--from", "server1")
_BY_ADDRESS = (f"{HIP}:80", "--from", "server1")
_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)
_DNAT = Expected(verdict="works", path="dnat", resolution="inventory", target_sees="192.168.3.201")
_HOST_APP: Final[tuple[Step, ...]] = (
    *start("web", "nginx", options="--network host"),
    WaitPort(host="server2", container="web", port=80),
)
_OUT = ("203.0.113.10:80", "--from", "client@server2")
_MASQUERADED = Expected(
    verdict="works", path="masquerade", resolution="literal", segments=("server2=masquerade", "outside=local")
)
_BRIDGE_NAME = "-o com.docker.network.bridge.name=br-other"
_OTHER: Final = on("server2", f"docker network create --subnet 172.30.0.0/24 {_BRIDGE_NAME} other")


def _iptables(rule: str) -> tuple[Step, ...]:
    return on("server2", f"iptables {rule}")


def _dropped(cause: str, resolution: str = "inventory", path: str = "none") -> Expected:
    return Expected(verdict="fails", path=path, cause=cause, resolution=resolution)


_DROPS: Final = (
    Experiment(
        name="three-faults",
        title="three faults at once: the first is named, the others are predicted in the order in which the packet would meet them",
        explain=(*_BY_NAME, "--timeout", "2"),
        expected=_dropped("ip-forward-off"),
        set_up=_NGINX,
        break_=(
            *_iptables("-I DOCKER-USER -s 192.168.3.0/24 -j DROP"),
            *on("server2", "sysctl -q -w net.ipv4.ip_forward=0", "docker pause demo"),
        ),
        near_miss=("docker-user-drop", "container-paused"),
    ),
    Experiment(
        name="forward-drop-reply",
        title="a FORWARD rule drops what the container answers: the SYN-ACK is lost on its way back",
        explain=(*_BY_NAME, "--timeout", "2"),
        expected=_dropped("forward-drop", path="dnat"),
        set_up=_NGINX,
        break_=_iptables("-I FORWARD -s 172.17.0.2 -j DROP"),
        near_miss=("docker-user-drop", "input-drop", "app-not-listening"),
    ),
    Experiment(
        name="raw-drop",
        title="raw PREROUTING drops it, before DNAT: not a rule of FORWARD, nor of INPUT",
        explain=(*_BY_NAME, "--timeout", "2"),
        expected=_dropped("rule-drop"),
        set_up=_NGINX,
        break_=_iptables("-t raw -I PREROUTING -p tcp --dport 80 -j DROP"),
        near_miss=("prediction-differs", "docker-user-drop", "forward-drop", "input-drop", "container-stopped"),
    ),
    Experiment(
        name="raw-drop-another",
        title="the same rule for another port",
        explain=_BY_NAME,
        expected=_DNAT,
        set_up=_NGINX,
        break_=_iptables("-t raw -I PREROUTING -p tcp --dport 81 -j DROP"),
        near_miss=("rule-drop",),
    ),
    Experiment(
        name="postrouting-drop",
        title="mangle POSTROUTING drops what was forwarded: behind FORWARD, which accepted it",
        explain=(*_BY_NAME, "--timeout", "2"),
        expected=_dropped("rule-drop"),
        set_up=_NGINX,
        break_=_iptables("-t mangle -I POSTROUTING -d 172.17.0.2 -p tcp --dport 80 -j DROP"),
        near_miss=("docker-user-drop", "forward-drop", "input-drop"),
    ),
    Experiment(
        name="answer-output-drop",
        title="the host's own OUTPUT drops what a process of it answers",
        explain=(*_BY_ADDRESS, "--timeout", "2"),
        expected=_dropped("rule-drop", resolution="literal"),
        set_up=_HOST_APP,
        break_=_iptables("-I OUTPUT -p tcp --sport 80 -d 192.168.3.201 -j DROP"),
        near_miss=("output-drop", "input-drop", "app-not-listening"),
    ),
    Experiment(
        name="dnat-elsewhere",
        title="another DNAT rule sends the port to nobody: FORWARD's policy is not to blame",
        explain=(*_BY_NAME, "--timeout", "2"),
        expected=_dropped("stale-dnat"),
        set_up=_NGINX,
        break_=_iptables("-t nat -I DOCKER 1 -p tcp --dport 80 -j DNAT --to-destination 172.17.0.99:80"),
        near_miss=("forward-drop", "dnat-missing"),
    ),
    Experiment(
        name="docker-user-drop",
        title="DOCKER-USER drops the LAN",
        explain=_BY_NAME,
        expected=_dropped("docker-user-drop"),
        set_up=_NGINX,
        break_=_iptables("-I DOCKER-USER -s 192.168.3.0/24 -j DROP"),
        near_miss=("forward-drop", "input-drop"),
    ),
    Experiment(
        name="docker-user-drop-elsewhere",
        title="DOCKER-USER drops another network",
        explain=_BY_NAME,
        expected=_DNAT,
        set_up=_NGINX,
        break_=_iptables("-I DOCKER-USER -s 198.51.100.0/24 -j DROP"),
        near_miss=("docker-user-drop",),
    ),
    Experiment(
        name="forward-drop",
        title="a FORWARD rule drops what goes to the container's port",
        explain=_BY_NAME,
        expected=_dropped("forward-drop"),
        set_up=_NGINX,
        break_=_iptables("-I FORWARD -i eth0 -o docker0 -p tcp --dport 80 -j DROP"),
        near_miss=("docker-user-drop", "input-drop"),
    ),
    Experiment(
        name="forward-reject",
        title="a FORWARD rule rejects what goes to the container's port",
        explain=_BY_NAME,
        expected=_dropped("forward-drop"),
        set_up=_NGINX,
        break_=_iptables("-I FORWARD -i eth0 -o docker0 -p tcp --dport 80 -j REJECT"),
        near_miss=("docker-user-drop", "port-closed"),
    ),
    Experiment(
        name="forward-drop-elsewhere",
        title="a FORWARD rule drops another port",
        explain=_BY_NAME,
        expected=_DNAT,
        set_up=_NGINX,
        break_=_iptables("-I FORWARD -i eth0 -o docker0 -p tcp --dport 81 -j DROP"),
        near_miss=("forward-drop",),
    ),
    Experiment(
        name="input-drop",
        title="INPUT drops a service of the host itself",
        explain=_BY_ADDRESS,
        expected=_dropped("input-drop", "literal"),
        set_up=_HOST_APP,
        break_=_iptables("-I INPUT -p tcp --dport 80 -j DROP"),
        near_miss=("forward-drop", "port-closed", "port-not-published"),
    ),
    Experiment(
        name="input-drop-proxy",
        title="INPUT drops what would reach docker-proxy (the DNAT rule is gone)",
        explain=_BY_ADDRESS,
        expected=Expected(
            verdict="fails", path="none", cause="input-drop", findings=("dnat-missing",), resolution="literal"
        ),
        set_up=_NGINX,
        break_=(DeleteDnat(host="server2", port=80), *_iptables("-I INPUT -p tcp --dport 80 -j DROP")),
        near_miss=("forward-drop", "proxy-and-dnat-dead"),
    ),
    Experiment(
        name="input-drop-elsewhere",
        title="INPUT drops another port",
        explain=_BY_ADDRESS,
        expected=Expected(verdict="works", path="local", resolution="literal"),
        set_up=_HOST_APP,
        break_=_iptables("-I INPUT -p tcp --dport 81 -j DROP"),
        near_miss=("input-drop",),
    ),
)

_OUTSIDE: Final = (
    Experiment(
        name="masquerade",
        title="a container reaches the outside: its address becomes the host's",
        explain=_OUT,
        expected=_MASQUERADED,
        set_up=client(),
        numbers=(5,),
        near_miss=("masquerade-missing",),
    ),
    Experiment(
        name="masquerade-by-name",
        title="a container reaches the outside by name, through the host's resolver",
        explain=("www.outside.test:80", "--from", "client@server2", "--proto", "http"),
        expected=Expected(verdict="works", path="masquerade", resolution="upstream-dns"),
        set_up=client(),
        numbers=(5,),
        near_miss=("masquerade-missing", "name-unknown"),
    ),
    Experiment(
        name="masquerade-missing",
        title="the MASQUERADE rule of the container's network is gone",
        explain=_OUT,
        expected=_dropped("masquerade-missing", "literal", "routed"),
        set_up=client(),
        break_=_iptables("-t nat -D POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"),
        near_miss=("port-closed",),
    ),
    Experiment(
        name="masquerade-missing-elsewhere",
        title="the MASQUERADE rule of another network is gone",
        explain=_OUT,
        expected=_MASQUERADED,
        set_up=(*client(), *_OTHER),
        break_=_iptables("-t nat -D POSTROUTING -s 172.30.0.0/24 ! -o br-other -j MASQUERADE"),
        near_miss=("masquerade-missing",),
    ),
    Experiment(
        name="port-closed",
        title="nothing listens on a host without containers",
        asked_then=("203.0.113.10:80", "--from", "server1"),
        explain=("203.0.113.10:81", "--from", "server1"),
        expected=_dropped("port-closed", "literal"),
        set_up=(),
        near_miss=("port-not-published", "input-drop"),
    ),
    Experiment(
        name="port-open",
        title="something listens on a host without containers",
        explain=("203.0.113.10:80", "--from", "server1"),
        expected=Expected(verdict="works", path="local", resolution="literal"),
        set_up=(),
        near_miss=("port-closed",),
    ),
    Experiment(
        name="two-hosts-two-nats",
        title="a container on server1 reaches a published port of server2: MASQUERADE there, DNAT here",
        explain=(f"{HIP}:80", "--from", "client@server1"),
        expected=Expected(
            verdict="works",
            path="dnat",
            resolution="literal",
            segments=("server1=masquerade", "server2=dnat"),
            target_sees="192.168.3.201",
        ),
        set_up=(*_NGINX, *client(host="server1")),
        numbers=(5, 6),
    ),
)

FIREWALLS: Final = (*_DROPS, *_OUTSIDE)
