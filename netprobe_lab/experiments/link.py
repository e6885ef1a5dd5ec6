"""Layer 2 and the size of frames: a bridge without its address, a port without its bridge, a path with a smaller MTU."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import HIP, Expected, Experiment, Inside, Run, Step, client, fails, lossy, on, start

_OUT = ("203.0.113.10:80", "--from", "client@server2", "--timeout", "2")
_BY_NAME = ("demo:80", "--from", "server1", "--timeout", "2")
_CLIENT: Final = client()
_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)
_BIG = ("http://203.0.113.10:80/", "--size", "4000", "--from", "client@server2", "--timeout", "5")
_NO_MASTER = "sh -c 'ip link set $(ip -o link show master docker0 | sed \"s/^[0-9]*: //;s/@.*//\") nomaster'"
_NO_ICMP = "iptables -I OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP"
_OTHER_NIC = "ip route add 192.168.3.201/32 dev eth1"
_ON_ETH1 = "docker network create -d macvlan --subnet 172.21.0.0/24 --gateway 172.21.0.1 -o parent=eth1 aa_net"
_MASQUERADED = Expected(verdict="works", path="masquerade", resolution="literal")


def _page(name: str, size: int) -> Step:
    """Have demo's nginx serve a page of so many bytes."""
    return Run(
        host="server2",
        command=f"docker exec demo sh -c 'head -c {size} /dev/zero | tr \"\\0\" x > /usr/share/nginx/html/{name}'",
    )


_PAGE: Final = (*_NGINX, _page("big.html", 8000))  # an answer of six segments
_NARROW: Final = lossy("'ip length > 1400'")  # a link of 1400 bytes that tells nobody


LINK: Final = (
    Experiment(
        name="bridge-address-lost",
        title="docker0 lost its address: the containers' gateway answers no ARP",
        explain=_OUT,
        expected=fails("bridge-address-lost"),
        set_up=_CLIENT,
        break_=on("server2", "ip addr flush dev docker0"),
        near_miss=("no-route", "masquerade-missing", "ip-forward-off"),
    ),
    Experiment(
        name="bridge-address-lost-and-back",
        title="the same with the address put back",
        explain=_OUT,
        expected=_MASQUERADED,
        set_up=_CLIENT,
        break_=on("server2", "ip addr flush dev docker0", "ip addr add 172.17.0.1/16 dev docker0"),
        near_miss=("bridge-address-lost",),
    ),
    Experiment(
        name="bridge-address-lost-inbound",
        title="the same, and a published port: the host has no route to its container any more",
        explain=_BY_NAME,
        expected=fails("bridge-address-lost", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "ip addr flush dev docker0"),
        near_miss=("no-route",),
    ),
    Experiment(
        name="bridge-port-lost",
        title="a container's veth is no port of its bridge any more",
        explain=_OUT,
        expected=fails("bridge-address-lost"),
        set_up=_CLIENT,
        break_=on("server2", _NO_MASTER),
        near_miss=("no-route", "masquerade-missing"),
    ),
    Experiment(
        name="bridge-down",
        title="docker0 is down: the host has no route to its container any more",
        explain=_BY_NAME,
        expected=fails("bridge-address-lost", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "ip link set docker0 down"),
        near_miss=("no-route",),
    ),
    Experiment(
        name="bridge-port-down",
        title="a published container's own interface is down: nobody answers for its address",
        explain=_BY_NAME,
        expected=fails("bridge-address-lost", resolution="inventory"),
        set_up=_NGINX,
        break_=(Inside(host="server2", container="demo", command="ip link set eth0 down"),),
        near_miss=("missing-return-route", "forward-drop"),
    ),
    Experiment(
        name="mtu-blackhole",
        title="the uplink's MTU is smaller than the containers', and ICMP is dropped: nobody is told",
        explain=_BIG,
        expected=fails("mtu-blackhole", path="masquerade"),
        set_up=_CLIENT,
        break_=on("server2", "ip link set eth0 mtu 1400", _NO_ICMP),
        near_miss=("upstream-drop", "output-drop"),
    ),
    Experiment(
        name="mtu-blackhole-uplink",
        title="the same for what a published container answers: the page does not fit the uplink, and the container is not told",
        explain=("http://192.168.3.202:80/big.html", "--from", "server1", "--timeout", "3"),
        expected=fails("mtu-blackhole", path="dnat"),
        set_up=_PAGE,
        break_=on("server2", "ip link set eth0 mtu 1400", _NO_ICMP),
        near_miss=("app-silent", "upstream-drop"),
    ),
    Experiment(
        name="mtu-blackhole-route",
        title="the same by the route out, which lets less pass than its interface",
        explain=_BIG,
        expected=fails("mtu-blackhole", path="masquerade"),
        set_up=_CLIENT,
        break_=on("server2", "ip route replace 203.0.113.0/24 via 192.168.3.1 mtu 1400", _NO_ICMP),
        near_miss=("upstream-drop", "output-drop"),
    ),
    Experiment(
        name="mtu-blackhole-wire",
        title="a link between the hosts is narrower than both think, and tells nobody: the handshake works, a large request hangs",
        explain=("http://192.168.3.202:80/", "--from", "server1", "--size", "4000", "--timeout", "3"),
        expected=fails("mtu-blackhole", path="dnat"),
        set_up=_NGINX,
        break_=_NARROW,
        near_miss=("upstream-drop", "app-not-listening", "prediction-differs"),
    ),
    Experiment(
        name="mtu-blackhole-answer",
        title="the same link, and a large answer: the request arrives, and the page never comes",
        explain=("http://192.168.3.202:80/big.html", "--from", "server1", "--timeout", "3"),
        expected=fails("mtu-blackhole", path="dnat"),
        set_up=_PAGE,
        break_=_NARROW,
        near_miss=("upstream-drop", "app-silent", "prediction-differs"),
    ),
    Experiment(
        name="mtu-answer-clamped",
        title="the same large answer with the remedy: what offloading joined is lost, its end comes first, and all is sent again in smaller segments",
        explain=("http://192.168.3.202:80/page.html", "--from", "server1", "--timeout", "3"),
        expected=Expected(verdict="works", path="dnat", resolution="literal"),
        set_up=(*_NGINX, _page("page.html", 3500)),
        break_=(
            *_NARROW,
            *on("server2", "iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1360"),
        ),
        near_miss=("mtu-blackhole", "app-not-listening"),
    ),
    Experiment(
        name="mtu-answer-small",
        title="the same link, and a page that fits",
        explain=("http://192.168.3.202:80/", "--from", "server1", "--timeout", "3"),
        expected=Expected(verdict="works", path="dnat", resolution="literal"),
        set_up=_PAGE,
        break_=_NARROW,
        near_miss=("mtu-blackhole",),
    ),
    Experiment(
        name="mtu-blackhole-beyond",
        title="the same link on a container's way out, to a server that no inventory knows",
        explain=("http://203.0.113.10/", "--from", "client@server2", "--size", "4000", "--timeout", "3"),
        expected=fails("mtu-blackhole", path="masquerade"),
        set_up=_CLIENT,
        break_=_NARROW,
        near_miss=("upstream-drop", "beyond-this-host", "app-silent"),
        unlisted=("outside",),
    ),
    Experiment(
        name="mtu-blackhole-ping",
        title="the same link, and a large ping: the small one that netprobe sends after it is answered",
        explain=(HIP, "--from", "server1", "--size", "1472", "--timeout", "2"),
        expected=fails("mtu-blackhole"),
        set_up=(),
        break_=_NARROW,
        near_miss=("upstream-drop", "prediction-differs"),
        asked_then=(HIP, "--from", "server1", "--size", "1372"),
    ),
    Experiment(
        name="mtu-ping-dropped",
        title="the network drops all ICMP: a large ping is not lost for its size",
        explain=(HIP, "--from", "server1", "--size", "1472", "--timeout", "2"),
        expected=Expected(verdict="undetermined", path="none", resolution="literal", findings=("prediction-differs",)),
        set_up=(),
        break_=lossy("ip protocol icmp"),
        near_miss=("mtu-blackhole",),
    ),
    Experiment(
        name="mtu-told",
        title="the same, and ICMP passes: the container sends smaller segments",
        explain=_BIG,
        expected=_MASQUERADED,
        set_up=_CLIENT,
        break_=on("server2", "ip link set eth0 mtu 1400"),
        near_miss=("mtu-blackhole",),
    ),
    Experiment(
        name="mtu-small-request",
        title="the same blackhole, and a request that fits",
        explain=("http://203.0.113.10:80/", "--from", "client@server2"),
        expected=_MASQUERADED,
        set_up=_CLIENT,
        break_=on("server2", "ip link set eth0 mtu 1400", _NO_ICMP),
        near_miss=("mtu-blackhole",),
    ),
    Experiment(
        name="mtu-same",
        title="the same without a smaller MTU: large segments pass",
        explain=_BIG,
        expected=_MASQUERADED,
        set_up=_CLIENT,
        break_=on("server2", _NO_ICMP),
        near_miss=("mtu-blackhole",),
    ),
    Experiment(
        name="rp-filter-multihomed",
        title="the way back leads out of the other NIC, and rp_filter=1 drops what does not come from there",
        explain=_BY_NAME,
        expected=fails("rp-filter-multihomed", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", _OTHER_NIC, "sysctl -q -w net.ipv4.conf.eth0.rp_filter=1"),
        near_miss=("upstream-drop", "forward-drop", "missing-return-route"),
    ),
    Experiment(
        name="rp-filter-one-nic",
        title="rp_filter=1, and the way back is by the NIC that it came in by",
        explain=_BY_NAME,
        expected=Expected(verdict="works", path="dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "sysctl -q -w net.ipv4.conf.eth0.rp_filter=1"),
        near_miss=("rp-filter-multihomed",),
    ),
    Experiment(
        name="gateway-endpoint-elsewhere",
        title="a published port dies once its container is connected to a network that takes the default route",
        explain=_BY_NAME,
        expected=fails("gateway-endpoint-elsewhere", resolution="inventory"),
        set_up=(*on("server2", _ON_ETH1), *_NGINX, *on("server2", "docker network connect aa_net demo")),
        near_miss=("dnat-missing",),
    ),
    Experiment(
        name="gateway-endpoint-route",
        title="the same by the default route alone",
        explain=_BY_NAME,
        expected=fails("gateway-endpoint-elsewhere", resolution="inventory", path="dnat"),
        set_up=(
            *on("server2", _ON_ETH1.replace("aa_net", "zz_net")),
            *_NGINX,
            *on("server2", "docker network connect zz_net demo"),
        ),
        break_=(Inside(host="server2", container="demo", command="ip route replace default via 172.21.0.1 dev eth1"),),
        near_miss=("upstream-drop", "missing-return-route"),
    ),
    Experiment(
        name="gateway-endpoint-here",
        title="the same network, and the default route stays where the port is published",
        explain=_BY_NAME,
        expected=Expected(verdict="works", path="dnat", resolution="inventory"),
        set_up=(
            *on("server2", _ON_ETH1.replace("aa_net", "zz_net")),
            *_NGINX,
            *on("server2", "docker network connect zz_net demo"),
        ),
        near_miss=("gateway-endpoint-elsewhere",),
    ),
)
