"""Reports to print: one that works by DNAT, one by docker-proxy, one that fails; each as the analysis would make it."""

from __future__ import annotations

from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Change, Direction, Hop, HopPacket
from netprobe.model.remedy import advise, run
from netprobe.model.report import Alternative, Confidence, Finding, PathCode, Report, Segment, Verdict, Where

CLIENT = "192.168.3.201:41290"
DIALLED = "192.168.3.202:80"
INNER = "172.17.0.2:80"
EVIL = "x\x1b[31m[red]evil[/red]\u202e\n\ud800\x9b"


def packet(
    src: str, dst: str, info: str, frame: int, ttl: int = 64, mac: int = 1, vlan: int | None = None
) -> HopPacket:
    return HopPacket(
        src=Endpoint.parse(src),
        dst=Endpoint.parse(dst),
        proto="tcp",
        info=info,
        ttl=ttl,
        src_mac=f"02:00:00:00:00:{mac:02x}",
        dst_mac=f"02:00:00:00:00:{mac + 1:02x}",
        vlan=vlan,
        frame=frame,
    )


SYN_OUT = Hop(point="server1/eth0", seen=True, time_us=0.0, packet=packet(CLIENT, DIALLED, "SYN", 12), count=1)
SYN_IN = Hop(point="server2/eth0", seen=True, time_us=38.2, packet=packet(CLIENT, DIALLED, "SYN", 13), count=1)
SYN_BRIDGE = Hop(
    point="server2/docker0",
    seen=True,
    time_us=61.0,
    packet=packet(CLIENT, INNER, "SYN", 14, ttl=63, mac=3),
    changes=(
        Change(field="dst", before=DIALLED, after=INNER, by="DNAT", rule="nat/DOCKER #2"),
        Change(field="ttl", before="64", after="63", by="routing"),
        Change(field="src_mac", before="02:00:00:00:00:01", after="02:00:00:00:00:03", by="routing"),
        Change(field="dst_mac", before="02:00:00:00:00:02", after="02:00:00:00:00:04", by="routing"),
    ),
    count=1,
)
SYN_ETH0 = Hop(
    point="server2/demo/eth0",
    seen=True,
    time_us=70.0,
    packet=packet(CLIENT, INNER, "SYN", 15, ttl=63, mac=3),
    count=1,
)
SYN_ACK = Hop(
    point="server2/demo/eth0",
    seen=True,
    time_us=90.0,
    packet=packet(INNER, CLIENT, "SYN-ACK", 16),
    direction=Direction.REPLY,
    count=1,
)
SYN_ACK_OUT = Hop(
    point="server2/eth0",
    seen=True,
    time_us=99.0,
    packet=packet(DIALLED, CLIENT, "SYN-ACK", 18, ttl=63),
    changes=(Change(field="src", before=INNER, after=DIALLED, by="conntrack"),),
    direction=Direction.REPLY,
    count=1,
)

WORKS = Report(
    target="demo:80",
    source="server1",
    dialled="192.168.3.202:80/tcp",
    verdict=Verdict.WORKS,
    path=PathCode.DNAT,
    segments=(Segment(host="server2", path=PathCode.DNAT),),
    resolution="inventory",
    why="server2's rule nat/DOCKER #2 turns 192.168.3.202:80 into demo's 172.17.0.2:80.",
    hops=(SYN_OUT, SYN_IN, SYN_BRIDGE, SYN_ETH0, SYN_ACK, SYN_ACK_OUT),
    last_seen="server2/demo/eth0",
    way="server2 publishes demo's port 80 at 192.168.3.202:80",
    timing_ms={"state": 120.4, "sniffers ready": 48.0, "probe": 205.0},
)

BLOCKED = Finding(
    code="docker-user-drop",
    summary="a rule drops the SYN",
    where=Where(host="server2", component="filter/DOCKER-USER", rule="-A DOCKER-USER -s 192.168.3.0/24 -j DROP"),
    evidence=("frame 13: the SYN at server2/eth0", "filter/DOCKER-USER #1 counted 3 packets"),
    remedies=(
        run(
            "server2",
            "iptables",
            "-D",
            "DOCKER-USER",
            "-s",
            "192.168.3.0/24",
            "-j",
            "DROP",
            advice="it opens all ports",
        ),
        advise("server1", "then ask again"),
    ),
    confidence=Confidence.CERTAIN,
)

FAILS = Report(
    target="demo:80",
    source="server1",
    dialled="192.168.3.202:80/tcp",
    verdict=Verdict.FAILS,
    path=PathCode.NONE,
    resolution="inventory",
    why="The SYN reached server2/eth0 (3 times) and never server2/docker0.",
    cause=BLOCKED,
    findings=(Finding(code="firewall-bypassed", summary="INPUT denies what FORWARD lets through"),),
    hops=(
        SYN_OUT,
        Hop(point="server2/eth0", seen=True, time_us=38.2, packet=packet(CLIENT, DIALLED, "SYN", 13), count=3),
        Hop(point="server2/docker0", seen=False),
        Hop(point="server2/veth0", seen=None),
    ),
    last_seen="server2/eth0",
    first_missing="server2/docker0",
    assumptions=("the clocks agree",),
    unknowns=("server2: nft could not be read",),
    alternatives=("forward-drop", "input-drop"),
    alternatives_why=(
        Alternative(
            code="forward-drop", reason="server2: iptables could not be read", would_tell="iptables-save -c on server2"
        ),
        Alternative(code="input-drop", reason="a rule drops it"),
    ),
)

PROXIED = Report(
    target="127.0.0.1:80",
    source="server2",
    dialled="127.0.0.1:80/tcp",
    verdict=Verdict.WORKS,
    path=PathCode.DOCKER_PROXY,
    resolution="literal",
    why="docker-proxy took the connection and opened its own to demo.",
    hops=(
        Hop(point="server2/lo", seen=True, time_us=0, packet=packet("127.0.0.1:5000", "127.0.0.1:80", "SYN", 1)),
        Hop(
            point="server2/docker0",
            seen=True,
            time_us=80,
            packet=packet("172.17.0.1:6000", INNER, "SYN", 3),
            changes=(
                Change(field="connection", before="a", after="b", by="docker-proxy", rule="docker-proxy pid 4711"),
            ),
            leg=2,
        ),
        Hop(
            point="server2/docker0",
            seen=True,
            time_us=90,
            packet=packet(INNER, "172.17.0.1:6000", "SYN-ACK", 4),
            direction=Direction.REPLY,
            leg=2,
        ),
        Hop(
            point="server2/lo",
            seen=True,
            time_us=10,
            packet=packet("127.0.0.1:80", "127.0.0.1:5000", "SYN-ACK", 2),
            direction=Direction.REPLY,
        ),
    ),
)
