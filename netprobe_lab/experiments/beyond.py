"""What lies beyond the inventory: it refuses, or it is silent, and no host that is known is to blame."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Experiment, client, fails, on, works

_OUT = ("203.0.113.10:80", "--from", "client@server2", "--timeout", "2")
_SHUT: Final = on(
    "outside",
    "nft add table inet shut",
    "nft add chain inet shut in '{ type filter hook input priority 0; }'",
    "nft add rule inet shut in ip daddr 203.0.113.10 tcp dport 80 counter drop",
)
_OPENED: Final = on("outside", "nft delete table inet shut")

BEYOND: Final = (
    Experiment(
        name="beyond-this-host",
        title="a machine that no inventory knows does not answer: everything here let the request out",
        explain=_OUT,
        expected=fails("beyond-this-host", path="masquerade"),
        set_up=client(),
        break_=_SHUT,
        cure=_OPENED,
        unlisted=("outside",),
        near_miss=("upstream-drop", "masquerade-missing"),
    ),
    Experiment(
        name="beyond-refused",
        title="a machine that no inventory knows refuses: its RST comes in by the interface by which the request left",
        explain=("203.0.113.10:81", *_OUT[1:]),
        expected=fails("beyond-this-host", path="masquerade"),
        set_up=client(),
        cure=on(
            "outside",
            "nft add table ip open",
            "nft add chain ip open pre '{ type nat hook prerouting priority -100; }'",
            "nft add rule ip open pre tcp dport 81 redirect to :80",
        ),
        unlisted=("outside",),
        near_miss=("port-closed",),
    ),
    Experiment(
        name="beyond-listed",
        title="the same machine is a host of the inventory: its own rule is named",
        explain=_OUT,
        expected=fails("input-drop", path="masquerade"),
        set_up=client(),
        break_=_SHUT,
        near_miss=("beyond-this-host",),
    ),
    Experiment(
        name="beyond-answers",
        title="a machine that no inventory knows answers",
        explain=_OUT,
        expected=works("masquerade"),
        set_up=client(),
        unlisted=("outside",),
        near_miss=("beyond-this-host",),
    ),
)
