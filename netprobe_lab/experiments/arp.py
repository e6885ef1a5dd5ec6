"""ARP: dropped by rules that see no IP, and let through by the same rules."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import HIP, Experiment, fails, on, start, works

_ASKED: Final = (f"{HIP}:80", "--from", "server1", "--timeout", "4")
_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)
_FORGOTTEN: Final = (*on("server1", "ip neigh flush all"), *on("server2", "ip neigh flush all"))

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
)
