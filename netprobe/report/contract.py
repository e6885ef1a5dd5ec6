"""The JSON that netprobe prints, as types: mypy holds the code that writes it against them, and ``report.schema`` makes JSON Schemas of them.

Every key is always there, in this order; null is what is not known or not there, as its description says. ``schema`` changes when the meaning of a
key does; a key may be added. No run imports this module, ``netprobe schema`` aside.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from netprobe.evidence.model import LimitKind, Resolution
from netprobe.model.hop import Direction
from netprobe.model.report import Confidence, PathCode, Verdict
from netprobe.survey.model import Usable


def _says(description: str) -> Meta:
    return Meta(description=description)


PointName = Annotated[
    str, _says("a capture point: HOST/INTERFACE or HOST/CONTAINER/INTERFACE, such as server2/demo/eth0")
]
Frame = Annotated[int, _says("the number that Wireshark shows for the packet in the saved file")]
EndpointText = Annotated[str, _says("192.168.3.201:41290, [fd00::1]:80; a bare address for ICMP and ARP")]
VlanId = Annotated[int, _says("the VLAN ID of an 802.1Q tag")]
Microseconds = Annotated[float, _says("µs since the first packet of the journey, on the source's clock")]
Leg = Annotated[int, _says("1; 2 for the second connection of docker-proxy")]


class WhereJson(TypedDict):
    """Where a cause sits; null where that does not apply or is not known."""

    host: Annotated[str | None, _says("a name of the inventory")]
    component: Annotated[str | None, _says("filter/DOCKER-USER, docker-proxy, a container's name …")]
    rule: Annotated[str | None, _says("the rule's text, as iptables-save or nft writes it")]


class RemedyJson(TypedDict):
    """One step of a remedy."""

    host: Annotated[str, _says("the name of the inventory of the host to do it on")]
    run: Annotated[
        list[list[str]], _says("commands, argv each, in order; they run as they stand, as root; none: advice alone")
    ]
    text: Annotated[str, _says("advice: what to do or to expect; may be empty")]


class FindingJson(TypedDict):
    """A cause or a note."""

    code: Annotated[str, _says("what `netprobe causes` lists")]
    summary: Annotated[str, _says("one sentence")]
    where: WhereJson
    evidence: Annotated[list[str], _says("sentences that name frames and counters")]
    remedy: Annotated[
        list[str], _says("remedies as shell lines, in order; a line that begins with '# ' is advice, no command")
    ]
    remedies: Annotated[list[RemedyJson], _says("the steps that cure it, in order")]
    confidence: Confidence


class AlternativeJson(TypedDict):
    """A cause that is still possible where none was proved."""

    code: Annotated[str, _says("what `netprobe causes` lists")]
    reason: Annotated[str, _says("one sentence: what speaks for it")]
    would_tell: Annotated[str, _says("what would tell whether it is this one: a command, a capture, an option")]


class PacketJson(TypedDict):
    """A packet at a hop."""

    src: EndpointText
    dst: EndpointText
    proto: Annotated[str, _says("tcp, udp, icmp or arp")]
    info: Annotated[str, _says("SYN, SYN-ACK, RST, echo request, 17 bytes …")]
    ttl: Annotated[int | None, _says("TTL or hop limit")]
    src_mac: Annotated[str | None, _says("null where the link type has none")]
    dst_mac: Annotated[str | None, _says("null where the link type has none")]
    vlan: Annotated[VlanId | None, _says("of the outermost tag, null without one")]
    frame: Frame
    vlan_inner: Annotated[VlanId | None, _says("of the second tag (QinQ), null without one")]


ChangeJson = TypedDict(
    "ChangeJson",
    {
        "field": Annotated[str, _says("src, dst, src_mac, dst_mac, ttl, vlan, or connection: docker-proxy's new one")],
        "from": Annotated[str, _says("at the seen hop before, in this direction")],
        "to": Annotated[str, _says("at this hop")],
        "by": Annotated[
            str, _says("DNAT, SNAT, MASQUERADE, conntrack (puts a reply's address back), docker-proxy, routing …")
        ],
        "rule": Annotated[str | None, _says("the rule or process that did it, null where that is not known")],
    },
)


class HopJson(TypedDict):
    """One packet of the journey at one capture point."""

    point: PointName
    seen: Annotated[bool | None, _says("false: not seen; null: it could not be observed, or nothing was sent")]
    time_us: Annotated[Microseconds | None, _says("µs since the journey's first packet; null when not seen")]
    packet: Annotated[PacketJson | None, _says("null when not seen")]
    changes: Annotated[list[ChangeJson], _says("against the seen hop before, in the same direction")]
    direction: Direction
    leg: Leg
    count: Annotated[int, _says("how often it was seen here: retransmissions count")]


class SegmentJson(TypedDict):
    """How one of the hosts on the way took the connection on."""

    host: str
    path: PathCode


class ClockJson(TypedDict):
    """A host's clock against the source's."""

    host: Annotated[str, _says("whose clock")]
    against: Annotated[str, _says("on whose clock its times are given")]
    offset_us: Annotated[float, _says("how far ahead it is, in µs")]
    uncertainty_us: Annotated[
        float | None, _says("in µs, half of the distance between the bounds; null without both bounds")
    ]
    frames: Annotated[int, _says("how many frames that both saw it rests on")]
    corrected: Annotated[bool, _says("the times of this host were put on the other's clock")]
    low_us: Annotated[float | None, _says("lower bound of the offset, in µs")]
    high_us: Annotated[float | None, _says("upper bound of the offset, in µs")]
    drift_ppm: Annotated[float, _says("by how much it runs faster, in millionths")]
    stepped: Annotated[bool, _says("the clock was set during the capture")]


class NeighbourFrameJson(TypedDict):
    """A packet of ARP or of IPv6 neighbour discovery at one point."""

    point: PointName
    time_us: Microseconds
    mac: Annotated[str, _says("the sender's hardware address")]
    vlan: Annotated[VlanId | None, _says("null untagged")]
    frame: Frame


class NeighbourAnswererJson(TypedDict):
    """Who answered."""

    mac: str
    name: Annotated[str | None, _says("whose it is, where host state tells")]


class NeighbourJson(TypedDict):
    """Who asked for whom on a link of the way; without answers nobody answered where anybody looked."""

    asker: Annotated[str, _says("its IP address; :: of a host that asks whether its own is taken")]
    asked: Annotated[str, _says("the IP address asked for")]
    requests: list[NeighbourFrameJson]
    answers: list[NeighbourFrameJson]
    asker_name: Annotated[str | None, _says("who asked, where host state tells")]
    answerers: list[NeighbourAnswererJson]


class TraceStepJson(TypedDict):
    """A rule that a traced packet matched, or a chain's policy."""

    component: Annotated[str, _says("nat/DOCKER; inet firewall/input for a table that is not iptables' own")]
    number: Annotated[int | None, _says("as iptables -L --line-numbers counts; null for a policy")]
    rule: Annotated[str | None, _says("its text; null for a policy")]
    verdict: Annotated[str, _says("accept, drop, jump DOCKER …")]


class TraceJson(TypedDict):
    """How one of the probe's packets went through a host's rules (--trace)."""

    host: str
    direction: Direction
    leg: Leg
    src: EndpointText
    dst: EndpointText
    info: str
    frame: Annotated[Frame | None, _says("null where no capture point saw it like that")]
    count: Annotated[int, _says("how many packets went like this")]
    steps: Annotated[list[TraceStepJson], _says("in the order in which it met them")]


class DropJson(TypedDict):
    """Packets of the probe that the kernel dropped, by its own reason (--trace with bpftrace)."""

    host: str
    container: Annotated[str | None, _says("in whose network namespace; null: the host's own")]
    direction: Direction
    leg: Leg
    src: EndpointText
    dst: EndpointText
    info: str
    reason: Annotated[str, _says("its name in that kernel: NETFILTER_DROP")]
    at: Annotated[str, _says("the kernel's function: nft_do_chain")]
    interface: str | None
    count: int


class HttpJson(TypedDict):
    """What an HTTP response says of itself, as its sender wrote it."""

    status: int
    reason: Annotated[str, _says("the reason phrase; may be empty")]
    version: Annotated[str, _says("1.1, 1.0")]
    location: Annotated[str | None, _says("where it leads; nothing was asked there")]
    server: Annotated[str | None, _says("what calls itself so in the Server field")]
    frame: Annotated[Frame | None, _says("where its first byte was captured; null where the prober alone saw it")]


class TlsJson(TypedDict):
    """A TLS session, and the server's certificate."""

    version: Annotated[str | None, _says("TLS 1.3; null where none was agreed on")]
    server_name: Annotated[str | None, _says("the name that was asked for; null for none")]
    subject: Annotated[
        str | None, _says("of the certificate; null where that was not seen, as in TLS 1.3 without a prober")
    ]
    issuer: str | None
    names: Annotated[list[str], _says("whom it is for: DNS names and addresses, a hundred at most")]
    not_before: Annotated[int | None, _says("Unix time, s")]
    not_after: Annotated[int | None, _says("Unix time, s")]
    trusted: Annotated[
        bool | None,
        _says(
            "whether the probing host's trust store knows its authority and takes its dates; names aside; null where not known"
        ),
    ]
    alert: Annotated[str | None, _says("the alert in clear that ended it, by its name in the registry")]


class ReportJson(TypedDict):
    """Why a connection works, or why it fails."""

    schema: Literal["netprobe/report/1"]
    target: Annotated[str, _says("as it was asked")]
    source: Annotated[str, _says("as it was asked")]
    dialled: Annotated[str | None, _says("ADDRESS:PORT/PROTOCOL; null where nothing was dialled")]
    sent: Annotated[bool, _says("false: a prediction from the hosts' state alone, no packet was sent")]
    verdict: Verdict
    path: Annotated[PathCode, _says("what happened at the target's host")]
    segments: list[SegmentJson]
    vlan: Annotated[VlanId | None, _says("the outermost tag on any hop")]
    resolution: Annotated[Resolution, _says("where the dialled address came from")]
    predicted_path: Annotated[
        PathCode | None, _says("by the hosts' state before the probe; null where that does not tell")
    ]
    why: Annotated[str, _says("one sentence")]
    cause: Annotated[FindingJson | None, _says("null unless the verdict is fails")]
    findings: Annotated[list[FindingJson], _says("everything else worth knowing")]
    hops: list[HopJson]
    last_seen: PointName | None
    first_missing: PointName | None
    assumptions: list[str]
    unknowns: list[str]
    alternatives: Annotated[list[str], _says("codes of causes still possible, likeliest first")]
    alternatives_why: Annotated[list[AlternativeJson], _says("the same causes, each with its reason")]
    after: Annotated[
        list[FindingJson] | None,
        _says("what stands behind the cause, predicted, in the packet's order; null where state does not tell"),
    ]
    clocks: list[ClockJson]
    arp: Annotated[list[NeighbourJson], _says("IPv4: ARP")]
    ndp: Annotated[list[NeighbourJson], _says("IPv6: neighbour solicitations and advertisements")]
    trace: Annotated[list[TraceJson] | None, _says("null where nothing was traced")]
    drops: Annotated[list[DropJson] | None, _says("null where none were asked for or to be had")]
    tls: Annotated[TlsJson | None, _says("null where no TLS was tried, or nothing of it was kept")]
    http: Annotated[HttpJson | None, _says("null where no HTTP response came, or nothing of it was kept")]


class FlowPointJson(TypedDict):
    """A capture point that flows were read of."""

    name: PointName
    linktype: Annotated[int, _says("LINKTYPE_ number: 1 Ethernet, 113 and 276 Linux cooked, 101 IP")]
    received: Annotated[int | None, _says("packets that the sniffer counted; null unknown")]
    dropped: Annotated[int | None, _says("packets that the sniffer lost; null unknown")]


class FlowLimitJson(TypedDict):
    """Something that could not be read."""

    kind: LimitKind
    subject: Annotated[str, _says("which file or capture point")]
    why: Annotated[str, _says("one line")]


class FlowsJson(TypedDict):
    """The flows of captures, a row each for every point that saw one."""

    schema: Literal["netprobe/flows/1"]
    points: list[FlowPointJson]
    limits: Annotated[list[FlowLimitJson], _says("what could not be read")]
    flows: Annotated[list[dict[str, str | float | bool | None]], _says("the rows asked for, in the order asked for")]


class ErrorJson(TypedDict):
    """A run that ended without a report."""

    schema: Literal["netprobe/error/1"]
    exit: Annotated[
        int,
        _says("the exit code: 2 usage, 4 the environment does not allow it, 70 a bug of netprobe, 130 interrupted"),
    ]
    error: Annotated[str, _says("one line")]
    hint: Annotated[str, _says("what to do about it; may be empty")]


class EngineJson(TypedDict):
    """A host's Docker Engine."""

    version: str | None
    api: str | None
    fault: Annotated[str | None, _says("why it does not answer; null when it does")]
    hint: str | None
    same_as: Annotated[str | None, _says("the host of the inventory whose engine it is; null: its own")]


class ContainersJson(TypedDict):
    """How many containers there are."""

    running: int | None
    all: int


class InterfaceJson(TypedDict):
    """An interface that could be sniffed, if it is up."""

    name: str
    kind: Annotated[str | None, _says("that of ip -d link; null for hardware and lo")]
    up: bool
    master: Annotated[str | None, _says("the bridge that it is a port of")]


class HostClockJson(TypedDict):
    """A host's clock against this machine's."""

    offset_s: Annotated[float, _says("how far ahead it is, in seconds")]
    uncertainty_s: Annotated[float, _says("how much that may be off, in seconds")]


class LackJson(TypedDict):
    """Something that a host lacks."""

    what: str
    cost: Annotated[str, _says("what cannot be done without it")]
    hint: str
    fatal: Annotated[bool, _says("explain cannot work with this host at all")]


class HostJson(TypedDict):
    """One host of the inventory."""

    name: str
    reach: str
    become: str | None
    usable: Usable
    same_as: Annotated[str | None, _says("the host of the inventory that is this very machine")]
    reached: bool
    fault: Annotated[str | None, _says("why it could not be reached")]
    hint: str | None
    root: Annotated[bool | None, _says("whether netprobe is root there; null unknown")]
    kernel: str | None
    python: str | None
    iptables: Annotated[str | None, _says("nf_tables or legacy; null unknown")]
    engine: Annotated[EngineJson | None, _says("null: it has none")]
    containers: Annotated[ContainersJson | None, _says("null unknown")]
    interfaces: Annotated[list[InterfaceJson] | None, _says("null unknown")]
    clock: Annotated[HostClockJson | None, _says("null where it is this machine's own, or unknown")]
    lacks: Annotated[list[LackJson], _says("the fatal ones first")]


class HostsJson(TypedDict):
    """All hosts of an inventory."""

    schema: Literal["netprobe/hosts/1"]
    inventory: Annotated[str | None, _says("its file; null where there is none")]
    local: Annotated[str | None, _says("the name of this machine in it; null where it is no host of it")]
    all_usable: bool
    tshark: Annotated[bool, _says("whether it is installed on this machine")]
    hosts: list[HostJson]


class CauseJson(TypedDict):
    """A cause of the catalogue, explained."""

    code: str
    note: Annotated[
        bool, _says("it describes a connection that works, and is the cause only where it explains a failure")
    ]
    summary: str
    what_it_is: str
    why_it_happens: str
    evidence: Annotated[str, _says("what proves it")]
    remedy: str
    source: str
