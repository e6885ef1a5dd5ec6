"""Chapter 3 of the tutorial: containers of two hosts on one segment, by macvlan, untagged and in a VLAN."""

from __future__ import annotations

from typing import Final

from netprobe.model.report import PathCode
from netprobe.report.language import N_
from netprobe_lab.experiments.macvlan import ROUTER
from netprobe_lab.experiments.model import Run, on
from netprobe_lab.tour.conditions import AllOf, Failed, NotHere, Passed, Printed, Went
from netprobe_lab.tour.model import Claim, ClaimPart, LookAt, Ruling, TourPart, TourQuestion, TourStep

_SERVERS: Final = ("server1", "server2")
_NETWORK1 = "docker network create -d macvlan --subnet 172.21.0.0/24 --gateway=172.21.0.1 -o parent=eth1 mac_net1"
_NETWORK2 = "docker network create -d macvlan --subnet 172.22.0.0/24 --gateway=172.22.0.1 -o parent=eth1.1 mac_net2"


def _idle(host: str, number: int, last: int) -> Run:
    address = f"172.2{number}.0.{last}"
    options = f"--network mac_net{number} --ip {address}"
    return Run(host=host, command=f"docker run -d --name c{last} {options} busybox sleep 1000000")


def _ping(name: str, about: str, address: str, source: str) -> TourQuestion:
    return TourQuestion(name=name, about=about, target=address, source=source, whole=True)


_PROMISCUOUS: Final = TourStep(
    name="promiscuous",
    title=N_("A second card on both hosts"),
    tutorial=("ip link set eth1 promisc on", "ip addr show eth1"),
    note=N_("Both hosts of the lab have eth1, on a wire of its own; it has no address. A container's link address is another one than the card's: the card must take frames for it, too."),
    actions=(
        *(step for host in _SERVERS for step in on(host, "ip link set eth1 promisc on")),
        *(LookAt(name=f"eth1-{host}", host=host, command="ip addr show eth1", keep="eth1") for host in _SERVERS),
    ),
)  # fmt: skip

_PLAIN: Final = TourStep(
    name="mac-net1",
    title=N_("macvlan on eth1"),
    tutorial=(
        _NETWORK1,
        "docker run -it --rm --network mac_net1 --ip 172.21.0.12 busybox",
        "docker run -it --rm --network mac_net1 --ip 172.21.0.11 busybox",
        "ping 172.21.0.12",
    ),
    actions=(
        *(step for host in _SERVERS for step in on(host, _NETWORK1)),
        _idle("server1", 1, 11),
        _idle("server2", 1, 12),
        LookAt(name="c12-link", host="server2", command="ip -d link show eth0", container="c12", keep="eth0|macvlan"),
        _ping("mac1-forth", N_("172.21.0.11 (server1) pings 172.21.0.12 (server2)"), "172.21.0.12", "c11@server1"),
        _ping("mac1-back", N_("172.21.0.12 (server2) pings 172.21.0.11 (server1)"), "172.21.0.11", "c12@server2"),
    ),
    claims=(
        Claim(
            name="macvlan",
            text=N_("macvlan virtualises a network card in the kernel, needs no bridge, uses the physical interface, performs very well."),
            parts=(
                ClaimPart(about=N_("the container's eth0 is a macvlan interface of the kernel"), condition=Printed(output="c12-link", pattern="macvlan mode")),
                ClaimPart(
                    about=N_("no bridge on the way"),
                    condition=AllOf(of=(
                        Went(question="mac1-forth", by=(PathCode.MACVLAN,)),
                        Passed(question="mac1-forth", never=r"/(docker0|br-[^/]+|veth[^/]+)$"),
                    )),
                ),
                ClaimPart(
                    about=N_("the frames leave and arrive by eth1 of the hosts"),
                    condition=AllOf(of=(Passed(question="mac1-forth", at="^server1/eth1$"), Passed(question="mac1-forth", at="^server2/eth1$"))),
                ),
                ClaimPart(
                    about=N_("it performs very well"),
                    condition=NotHere(why=N_("hosts that are namespaces of one machine say nothing about the speed of network cards")),
                ),
            ),
            declared=Ruling.PARTLY,
            lesson=N_("The same frame, with the container's own link address, is on both hosts' eth1: no bridge, no NAT, no TTL less. How quick that is on real cards is not judged here."),
        ),
        Claim(
            name="mac-net1",
            text=N_("The containers of the two hosts ping each other."),
            parts=(
                ClaimPart(about="172.21.0.11 → 172.21.0.12", condition=Went(question="mac1-forth", by=(PathCode.MACVLAN,), reached="c12")),
                ClaimPart(about="172.21.0.12 → 172.21.0.11", condition=Went(question="mac1-back", by=(PathCode.MACVLAN,), reached="c11")),
            ),
            declared=Ruling.HOLDS,
            lesson=N_("They are on one segment, as if both were plugged into the switch of eth1."),
        ),
    ),
)  # fmt: skip

_TAGGED: Final = TourStep(
    name="mac-net2",
    title=N_("macvlan on eth1.1: VLAN 1"),
    tutorial=(_NETWORK2,),
    actions=(
        *(step for host in _SERVERS for step in on(host, _NETWORK2)),
        _idle("server1", 2, 21),
        _idle("server2", 2, 22),
        _ping("mac2-forth", N_("172.22.0.21 (server1) pings 172.22.0.22 (server2)"), "172.22.0.22", "c21@server1"),
        _ping("mac2-back", N_("172.22.0.22 (server2) pings 172.22.0.21 (server1)"), "172.22.0.21", "c22@server2"),
    ),
    claims=(
        Claim(
            name="mac-net2",
            text=N_("On eth1.1, too, the containers of the two hosts ping each other."),
            parts=(
                ClaimPart(about="172.22.0.21 → 172.22.0.22", condition=Went(question="mac2-forth", by=(PathCode.MACVLAN_VLAN,), reached="c22")),
                ClaimPart(about="172.22.0.22 → 172.22.0.21", condition=Went(question="mac2-back", by=(PathCode.MACVLAN_VLAN,), reached="c21")),
            ),
            declared=Ruling.HOLDS,
            lesson=N_("Between the hosts the frames carry VLAN tag 1 (on eth1); the sub-interface eth1.1 puts it on and takes it off, and the containers see none."),
        ),
    ),
)  # fmt: skip

_ISOLATED: Final = TourStep(
    name="isolated",
    title=N_("From one macvlan network to the other"),
    tutorial=("ping 172.22.0.21",),
    note=N_("The gateway of the last question is the lab's router: it takes 172.21.0.1 on eth1 and 172.22.0.1 on eth1.1, and forwards."),
    actions=(
        _ping("isolated", N_("172.21.0.11 pings 172.22.0.21, both on server1"), "172.22.0.21", "c11@server1"),
        *ROUTER,
        _ping("joined", N_("the same, with a gateway between the networks"), "172.22.0.21", "c11@server1"),
    ),
    claims=(
        Claim(
            name="isolated",
            text=N_("macvlan networks are isolated at layer 2; a gateway can join them at layer 3."),
            parts=(
                ClaimPart(about=N_("without a gateway it fails: nobody answers for 172.21.0.1"), condition=Failed(question="isolated", causes=("macvlan-isolated-l3",))),
                ClaimPart(about=N_("with a gateway it is routed"), condition=Went(question="joined", by=(PathCode.ROUTED,), reached="c21")),
            ),
            declared=Ruling.HOLDS,
            lesson=N_("Untagged frames and those of VLAN 1 are two segments on one wire. The container asks by ARP for its gateway's link address; only when one answers does a packet go on."),
        ),
    ),
)  # fmt: skip

MACVLAN: Final = TourPart(title=N_("3. Across hosts: macvlan"), steps=(_PROMISCUOUS, _PLAIN, _TAGGED, _ISOLATED))
