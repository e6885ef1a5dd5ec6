"""Address translation by others than the engine: where it takes packets, and where its conditions do not hold."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Experiment, Step, client, fails, on, start, works

_OUT: Final = ("203.0.113.10:80", "--from", "client@server2", "--timeout", "2")
_BY_NAME: Final = ("web:80", "--from", "server1", "--timeout", "2")
_CLIENT: Final = client()
_WEB: Final = start("web", "nginx", options="-p 8080:80", port=80)
_TO_TOOL: Final = "-p tcp --dport 80 -j REDIRECT --to-ports 20559"


def _iptables(*rules: str) -> tuple[Step, ...]:
    return on("server2", *(f"iptables {rule}" for rule in rules))


_REDIRECTED: Final = (
    Experiment(
        name="foreign-nat",
        title="a development tool's REDIRECT of port 80, without interface or address, takes what a container sends to the outside",
        explain=_OUT,
        expected=fails("foreign-nat", path="dnat"),
        set_up=_CLIENT,
        break_=_iptables(f"-t nat -A PREROUTING {_TO_TOOL}"),
        near_miss=("port-closed", "app-not-listening", "masquerade-missing"),
    ),
    Experiment(
        name="foreign-nat-narrow",
        title="the same REDIRECT for the host's own addresses alone",
        explain=_OUT,
        expected=works("masquerade"),
        set_up=_CLIENT,
        break_=_iptables(
            "-t nat -A PREROUTING -p tcp --dport 80 -m addrtype --dst-type LOCAL -j REDIRECT --to-ports 20559"
        ),
        near_miss=("foreign-nat",),
    ),
    Experiment(
        name="foreign-nat-untracked",
        title="NOTRACK of what a published container answers: its translation is not undone",
        explain=_BY_NAME,
        expected=fails("foreign-nat", path="dnat", resolution="inventory"),
        set_up=_WEB,
        break_=_iptables("-t raw -A PREROUTING -i docker0 -p tcp --sport 80 -j NOTRACK"),
        near_miss=("answer-other-way", "upstream-drop"),
    ),
    Experiment(
        name="foreign-nat-output",
        title="a transparent proxy's REDIRECT in OUTPUT, and the proxy does not run: what the host itself sends comes back to it",
        explain=("203.0.113.10:80", "--from", "server2", "--timeout", "2"),
        expected=fails("foreign-nat", path="dnat"),
        set_up=(),
        break_=_iptables("-t nat -A OUTPUT -p tcp --dport 80 -j REDIRECT --to-ports 12345"),
        near_miss=("port-closed", "no-route"),
    ),
    Experiment(
        name="no-route-translated",
        title="a DNAT of nobody's to an address that the host has no route to",
        explain=("10.96.0.10:80", "--from", "client@server2", "--timeout", "2"),
        expected=fails("no-route", path="dnat"),
        set_up=_CLIENT,
        break_=_iptables("-t nat -A PREROUTING -d 10.96.0.10 -p tcp --dport 80 -j DNAT --to-destination 10.244.0.7:80"),
        near_miss=("foreign-nat",),
    ),
    Experiment(
        name="foreign-nat-answers",
        title="the same REDIRECT, and the tool listens: another endpoint answers",
        explain=_OUT,
        expected=fails("foreign-nat", path="dnat"),
        set_up=(*_CLIENT, *start("tool", "nginx", options="--network host", port=80)),
        break_=_iptables("-t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 80"),
        near_miss=("port-owned-by-host",),
    ),
    Experiment(
        name="foreign-nat-nft",
        title="nftables redirects what containers send to port 80",
        explain=_OUT,
        expected=fails("foreign-nat", path="dnat"),
        set_up=_CLIENT,
        break_=on(
            "server2",
            "nft add table ip tool",
            "nft add chain ip tool pre '{ type nat hook prerouting priority -110; }'",
            "nft add rule ip tool pre tcp dport 80 counter redirect to :20559",
        ),
        near_miss=("port-closed", "masquerade-missing"),
    ),
    Experiment(
        name="foreign-nat-published",
        title="a port forwarding for another machine stands before Docker's and takes the published port",
        explain=_BY_NAME,
        expected=fails("foreign-nat", resolution="inventory"),
        set_up=_WEB,
        break_=_iptables("-t nat -I PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 203.0.113.10:81"),
        near_miss=("forward-drop", "stale-dnat", "port-not-published"),
    ),
)
_SOURCES: Final = (
    Experiment(
        name="snat-wrong-address",
        title="an SNAT rule for a Docker network names an address that the host no longer has",
        explain=_OUT,
        expected=fails("snat-wrong-address", path="masquerade"),
        set_up=_CLIENT,
        break_=_iptables("-t nat -I POSTROUTING -s 172.17.0.0/16 -o eth0 -j SNAT --to-source 192.168.3.222"),
        near_miss=("upstream-drop", "masquerade-missing"),
    ),
    Experiment(
        name="snat-own-address",
        title="the same rule with an address that the host has",
        explain=_OUT,
        expected=works("masquerade"),
        set_up=_CLIENT,
        break_=_iptables("-t nat -I POSTROUTING -s 172.17.0.0/16 -o eth0 -j SNAT --to-source 192.168.3.202"),
        near_miss=("snat-wrong-address",),
    ),
)
_NO_MASQUERADE: Final = (
    "docker network create --subnet 172.29.0.0/24 -o com.docker.network.bridge.enable_ip_masquerade=false "
    "-o com.docker.network.bridge.name=br-lab lab"
)
_BY_MARK: Final = (
    "-N ts-forward",
    "-A ts-forward -i br-lab -j MARK --set-xmark 0x40000/0xff0000",
    "-A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT",
    "-I FORWARD -j ts-forward",
    "-t nat -N ts-postrouting",
    "-t nat -A ts-postrouting -m mark --mark 0x40000/0xff0000 -j MASQUERADE",
    "-t nat -I POSTROUTING -j ts-postrouting",
)
_UNMASKED: Final = (*on("server2", _NO_MASQUERADE), *client(options="--network lab"))
_CONDITIONS: Final = (
    Experiment(
        name="masquerade-condition",
        title="masquerading goes by a packet mark, and another program's mangle rule clears that mark before",
        explain=_OUT,
        expected=fails("masquerade-condition", path="routed"),
        set_up=_UNMASKED,
        break_=_iptables(*_BY_MARK, "-t mangle -A POSTROUTING -j MARK --set-xmark 0x0/0xf0000"),
        near_miss=("masquerade-missing", "upstream-drop"),
    ),
    Experiment(
        name="masquerade-condition-holds",
        title="the same with a mangle rule that clears other bits",
        explain=_OUT,
        expected=works("masquerade"),
        set_up=_UNMASKED,
        break_=_iptables(*_BY_MARK, "-t mangle -A POSTROUTING -j MARK --set-xmark 0x0/0xf"),
        near_miss=("masquerade-condition",),
    ),
    Experiment(
        name="masquerade-condition-interface",
        title="a masquerade rule by hand names an interface that packets do not leave by",
        explain=_OUT,
        expected=fails("masquerade-condition", path="routed"),
        set_up=_UNMASKED,
        break_=_iptables(
            "-A DOCKER-USER -i br-lab -j ACCEPT", "-t nat -A POSTROUTING -s 172.29.0.0/24 -o ens3 -j MASQUERADE"
        ),
        near_miss=("masquerade-missing", "upstream-drop"),
    ),
    Experiment(
        name="masquerade-condition-passed",
        title="a rule in nat POSTROUTING lets the packet pass before Docker's masquerade rule",
        explain=_OUT,
        expected=fails("masquerade-condition", path="routed"),
        set_up=_CLIENT,
        break_=_iptables("-t nat -I POSTROUTING -o eth0 -j ACCEPT"),
        near_miss=("masquerade-missing", "upstream-drop"),
    ),
)


def _mesh(chosen: str, *more: str) -> tuple[Step, ...]:
    """A masquerade rule of nftables' own, and chains beside it."""
    base = ("post '{ type nat hook postrouting priority srcnat; }'", *more)
    return on(
        "server2",
        "iptables -I DOCKER-USER -i br-lab -j ACCEPT",
        "nft add table ip mesh",
        *(f"nft add chain ip mesh {chain}" for chain in base),
        f"nft add rule ip mesh post {chosen} masquerade",
    )


_MARKED: Final = (
    "marks '{ type filter hook forward priority -10; }'",
    "clears '{ type filter hook postrouting priority mangle; }'",
)
_NFT_CONDITIONS: Final = (
    Experiment(
        name="masquerade-condition-nft",
        title="an nftables masquerade rule goes by a packet mark that another chain clears before",
        explain=_OUT,
        expected=fails("masquerade-condition", path="routed"),
        set_up=_UNMASKED,
        break_=(
            *_mesh("meta mark and 0x1000 == 0x1000", *_MARKED),
            *on("server2", "nft add rule ip mesh marks iifname br-lab meta mark set 0x1000"),
            *on("server2", "nft add rule ip mesh clears meta mark set meta mark and 0xffff0fff"),
        ),
        near_miss=("masquerade-missing", "missing-return-route"),
    ),
    Experiment(
        name="masquerade-condition-nft-holds",
        title="the same with a chain that clears other bits",
        explain=_OUT,
        expected=works("masquerade"),
        set_up=_UNMASKED,
        break_=(
            *_mesh("meta mark and 0x1000 == 0x1000", *_MARKED),
            *on("server2", "nft add rule ip mesh marks iifname br-lab meta mark set 0x1000"),
            *on("server2", "nft add rule ip mesh clears meta mark set meta mark and 0xfffff0ff"),
        ),
        near_miss=("masquerade-condition",),
    ),
    Experiment(
        name="masquerade-condition-nft-interface",
        title="an nftables masquerade rule names an interface that packets do not leave by",
        explain=_OUT,
        expected=fails("masquerade-condition", path="routed"),
        set_up=_UNMASKED,
        break_=_mesh("ip saddr 172.29.0.0/24 oifname ens3"),
        near_miss=("masquerade-missing", "missing-return-route"),
    ),
)

OTHERS: Final = (*_REDIRECTED, *_SOURCES, *_CONDITIONS, *_NFT_CONDITIONS)
