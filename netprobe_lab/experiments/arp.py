"""ARP: dropped by rules that see no IP, left unanswered by a setting, and let through by the same."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import HIP, Experiment, Step, fails, on, start, works

_ASKED: Final = (f"{HIP}:80", "--from", "server1", "--timeout", "4")
_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)
_FORGOTTEN: Final = (*on("server1", "ip neigh flush all"), *on("server2", "ip neigh flush all"))

_SHARED_ASKED: Final = ("192.168.3.230:80", "--from", "server1", "--timeout", "4")


def _shared(device: str) -> tuple[Step, ...]:
    return (
        *on(
            "server2",
            f"ip addr add 192.168.3.230/32 dev {device}",
            "sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2",
        ),
        *_FORGOTTEN,
    )


ARP: Final = (
    Experiment(
        name="arp-blocked",
        title="arptables on the asking host drops what the target's host answers by ARP: nothing is sent, and no rule for IP says so",
        explain=_ASKED,
        expected=fails("arp-blocked"),
        set_up=_NGINX,
        break_=(*on("server1", f"arptables-nft -A INPUT -s {HIP} -j DROP"), *_FORGOTTEN),
        near_miss=("upstream-drop", "input-drop", "output-drop", "no-route"),
    ),
    Experiment(
        name="arp-rule-elsewhere",
        title="rules drop the ARP of a host next to the target's: what is for the target is sent",
        explain=_ASKED,
        expected=works("dnat"),
        set_up=_NGINX,
        break_=(
            *on(
                "server1",
                "arptables-nft -A INPUT -s 192.168.3.203 -j DROP",
                "nft add table netdev door",
                "nft add chain netdev door ingress '{ type filter hook ingress device eth0 priority 0; }'",
                "nft add rule netdev door ingress arp saddr ip 192.168.3.203 counter drop",
            ),
            *_FORGOTTEN,
        ),
        near_miss=("arp-blocked",),
    ),
    Experiment(
        name="arp-ignored",
        title="a load balancer's address is on lo of the host, which is told to answer no ARP for it on eth0 (arp_ignore)",
        explain=_SHARED_ASKED,
        expected=fails("arp-blocked"),
        set_up=_NGINX,
        break_=_shared("lo"),
        near_miss=("upstream-drop", "beyond-this-host", "no-route"),
    ),
    Experiment(
        name="arp-ignored-elsewhere",
        title="the same setting with the address on eth0 itself: it answers",
        explain=_SHARED_ASKED,
        expected=works("dnat"),
        set_up=_NGINX,
        break_=_shared("eth0"),
        near_miss=("arp-blocked",),
    ),
)
