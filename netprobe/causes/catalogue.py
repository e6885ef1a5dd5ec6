"""Causes: the catalogue, one class a defect. A new one is a class in its family's file and a line in :data:`CAUSES`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.firewall.arp import ArpBlocked
from netprobe.causes.firewall.backends import LegacyNftMix
from netprobe.causes.firewall.bridge import BridgeNfForwardDrop, IccFalse, NftBackendForwardDrop, RawDirectDrop
from netprobe.causes.firewall.bypassed import FirewallBypassed
from netprobe.causes.firewall.container import ContainerFirewall
from netprobe.causes.firewall.direct import V6DirectBlocked
from netprobe.causes.firewall.discovery import NdpBlocked
from netprobe.causes.firewall.elsewhere import RuleDrop
from netprobe.causes.firewall.forward import DockerUserDrop, ForwardDrop, InputDrop, InterNetwork
from netprobe.causes.firewall.host import IngressDrop, InputFirewallContainerToHost, OutputDrop
from netprobe.causes.macvlan.duplicate import MacvlanDuplicateAddress
from netprobe.causes.macvlan.gateway import MacvlanWrongGateway
from netprobe.causes.macvlan.host import (
    MacvlanHostIsolation,
    MacvlanModeIsolation,
    MacvlanNoParent,
    MacvlanParentDown,
)
from netprobe.causes.macvlan.isolation import MacvlanIsolatedL3
from netprobe.causes.macvlan.mac_filter import MacvlanMacFilter
from netprobe.causes.macvlan.vlan import MacvlanVlanMismatch
from netprobe.causes.names.addresses import DnsClientCache
from netprobe.causes.names.collisions import DnsAliasCollision
from netprobe.causes.names.elsewhere import NameAnsweredElsewhere
from netprobe.causes.names.host_gateway import HostGatewayNotSet
from netprobe.causes.names.link_variables import LinkEnvAbsent, LinkEnvStale
from netprobe.causes.names.resolvers import (
    DnsFallback,
    DnsHostResolverFirewalled,
    DnsInternalNet,
    DnsNatFlushed,
    DnsUpstreamDead,
)
from netprobe.causes.names.unknown import DnsNoSharedNetwork, NameUnknown, NameWithoutAddress
from netprobe.causes.nat.condition import MasqueradeCondition
from netprobe.causes.nat.conntrack import ConntrackFull, UdpConntrackStale
from netprobe.causes.nat.flushed import RulesFlushed
from netprobe.causes.nat.foreign import ForeignNat
from netprobe.causes.nat.invalid import ConntrackInvalidRst
from netprobe.causes.nat.missing import DnatMissing, MasqueradeMissing, UdpReplySource
from netprobe.causes.nat.translation import StaleDnat
from netprobe.causes.nat.wrong_address import SnatWrongAddress
from netprobe.causes.prediction import PredictionDiffers
from netprobe.causes.proof.contradictions import shown
from netprobe.causes.proof.kernel_drops import supported
from netprobe.causes.proof.known import BASIC, in_vain
from netprobe.causes.routing.answers import AnswerOtherWay
from netprobe.causes.routing.beyond import BeyondThisHost
from netprobe.causes.routing.forwarding import IpForwardOff, MissingReturnRoute
from netprobe.causes.routing.gateways import GatewayEndpointElsewhere, RpFilterMultihomed
from netprobe.causes.routing.hairpin import HairpinMissing
from netprobe.causes.routing.link import BridgeAddressLost
from netprobe.causes.routing.mtu import MtuBlackhole
from netprobe.causes.routing.ndp import NdpUnanswered
from netprobe.causes.routing.overlap import SubnetOverlap
from netprobe.causes.routing.policy import PolicyRouteAway
from netprobe.causes.routing.routes import InternalNetwork, NoRoute, StaleArp
from netprobe.causes.routing.ttl import TtlExpired
from netprobe.causes.routing.upstream import UpstreamDrop
from netprobe.causes.service.certificate import TlsCertificate
from netprobe.causes.service.endpoint import AppNotListening
from netprobe.causes.service.host import HostServiceLoopback, PortOwnedByHost, PublishIgnored
from netprobe.causes.service.lifetime import AppNotReady, RestartLoop
from netprobe.causes.service.listener import AcceptQueueFull, V6LocalhostReset
from netprobe.causes.service.localhost import LocalhostIsTheContainer
from netprobe.causes.service.loopback import AppBoundLoopback
from netprobe.causes.service.noproxy import NoproxyNoBridgeNf, NoproxyNoRouteLocalnet
from netprobe.causes.service.other_protocol import NotHttp
from netprobe.causes.service.proxy import ProxyAndDnatDead, ProxyDead, RootlessPath
from netprobe.causes.service.publish import PortClosed, PortNotPublished, PublishLoopbackOnly
from netprobe.causes.service.shared import NetnsOwnerRestarted, NetnsPortClash
from netprobe.causes.service.silent import AppSilent
from netprobe.causes.service.status import HttpStatus
from netprobe.causes.service.stopped import ContainerPaused, ContainerStopped
from netprobe.causes.service.tls import TlsHandshakeFailed
from netprobe.causes.traffic.datagrams import DnsErrorResponse, DnsErrors, IcmpErrorBeside, QuestionsUnanswered
from netprobe.causes.traffic.openings import SynRepeated, TwoAnswers
from netprobe.causes.traffic.segments import DataUnacknowledged, FragmentationNeeded, ResetAfterData, ZeroWindow
from netprobe.causes.traffic.unanswered import DataUnanswered, EndedUnanswered
from netprobe.causes.traffic.vlans import TwoVlans
from netprobe.evidence.model import Resolution

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netprobe.causes.base import Cause
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.model.report import Finding

#: In run order: the first that fires is the cause, so the more specific comes first.
CAUSES: tuple[Cause, ...] = (
    DnsNoSharedNetwork(),
    HostGatewayNotSet(),
    NameUnknown(),
    NameWithoutAddress(),
    DnsNatFlushed(),
    DnsInternalNet(),
    DnsHostResolverFirewalled(),
    DnsFallback(),
    DnsUpstreamDead(),
    LinkEnvStale(),
    DnsClientCache(),
    NameAnsweredElsewhere(),
    DnsAliasCollision(),
    MacvlanDuplicateAddress(),
    ContainerPaused(),
    ConntrackInvalidRst(),
    NetnsOwnerRestarted(),
    NetnsPortClash(),
    RestartLoop(),
    ContainerStopped(),
    StaleDnat(),
    HairpinMissing(),
    RulesFlushed(),
    ForeignNat(),
    BridgeAddressLost(),
    PolicyRouteAway(),
    SubnetOverlap(),
    NdpBlocked(),
    ArpBlocked(),
    NdpUnanswered(),
    LegacyNftMix(),
    IngressDrop(),
    ContainerFirewall(),
    OutputDrop(),
    IccFalse(),
    DockerUserDrop(),
    RawDirectDrop(),
    V6DirectBlocked(),
    BridgeNfForwardDrop(),
    NftBackendForwardDrop(),
    InternalNetwork(),
    InterNetwork(),
    ForwardDrop(),
    InputFirewallContainerToHost(),
    InputDrop(),
    RuleDrop(),
    PublishLoopbackOnly(),
    NoproxyNoBridgeNf(),
    NoproxyNoRouteLocalnet(),
    ProxyDead(),
    ProxyAndDnatDead(),
    GatewayEndpointElsewhere(),
    PublishIgnored(),
    PortOwnedByHost(),
    HostServiceLoopback(),
    V6LocalhostReset(),
    AcceptQueueFull(),
    LocalhostIsTheContainer(),
    AppNotReady(),
    AppBoundLoopback(),
    AppNotListening(),
    MasqueradeMissing(),
    MasqueradeCondition(),
    SnatWrongAddress(),
    MacvlanHostIsolation(),
    MacvlanParentDown(),
    MacvlanModeIsolation(),
    MacvlanNoParent(),
    MacvlanVlanMismatch(),
    MacvlanMacFilter(),
    MacvlanWrongGateway(),
    MacvlanIsolatedL3(),
    NoRoute(),
    StaleArp(),
    AnswerOtherWay(),
    RpFilterMultihomed(),
    TtlExpired(),
    IpForwardOff(),
    MissingReturnRoute(),
    ConntrackFull(),
    UpstreamDrop(),
    MtuBlackhole(),
    AppSilent(),
    NotHttp(),
    HttpStatus(),
    TlsCertificate(),
    TlsHandshakeFailed(),
    PortNotPublished(),
    PortClosed(),
    BeyondThisHost(),
    LinkEnvAbsent(),
    RootlessPath(),
    DnatMissing(),
    UdpReplySource(),
    UdpConntrackStale(),
    FirewallBypassed(),
    PredictionDiffers(),
)

#: What packets alone show of captures from elsewhere: an answer that is an error, and trouble beside what works. No lab has to make it.
TRAFFIC: tuple[Cause, ...] = (
    DnsErrorResponse(),
    TwoAnswers(),
    SynRepeated(),
    TwoVlans(),
    FragmentationNeeded(),
    DataUnacknowledged(),
    ZeroWindow(),
    ResetAfterData(),
    EndedUnanswered(),
    DataUnanswered(),
    DnsErrors(),
    QuestionsUnanswered(),
    IcmpErrorBeside(),
)

_BY_CODE: Mapping[str, Cause] = {cause.code: cause for cause in (*CAUSES, *TRAFFIC)}


def cause_of(case: Case) -> Finding | None:
    """The first cause that fires for a connection that does not work (or seems to and does not), None if none does.

    None also where a more specific one (see :attr:`Cause.instead_of`) is not ruled out, as the state that would decide it is not known.
    """
    unsure: set[type[Cause]] = set()
    for cause in _asked(case):
        if case.story.symptom not in (cause.explains if cause.note else cause.symptoms):
            continue
        finding = cause.find(case) if not cause.note or cause.is_reason(case) else None
        if finding is not None:
            return None if type(cause) in unsure else supported(case, cause, finding)
        if cause.undecided(case):
            unsure |= cause.instead_of
    return None


def notes_of(case: Case, cause: Finding | None) -> tuple[Finding, ...]:
    """Everything else worth knowing: the notes that fire, but for a difference that the cause explains."""
    asked = (each.find(case) for each in _asked(case) if each.note and case.story.symptom in each.symptoms)
    explained = cause is not None and _BY_CODE[cause.code].beyond_state
    said = {cause.code if cause else ""} | ({PredictionDiffers.code} if explained else set())
    return tuple(note for note in asked if note is not None and note.code not in said)


def codes() -> tuple[str, ...]:
    """Every code that a cause or a finding may have."""
    return tuple(_BY_CODE)


def trouble(notes: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those of the notes that tell what the packets themselves lack or meet."""
    codes = {each.code for each in TRAFFIC}
    return tuple(note for note in notes if note.code in codes)


def _asked(case: Case) -> tuple[Cause, ...]:
    """The causes that a case may have."""
    return CAUSES if case.probe is not None else (*CAUSES, *TRAFFIC)


def shown_by_name(case: Case) -> Finding | None:
    """The cause that shows in what the name gave, for a connection that nobody asked for; None if none does."""
    return next((found for cause in CAUSES if cause.by_name and (found := cause.find(case)) is not None), None)


def explaining(case: Case, obstacle: Obstacle) -> Cause | None:
    """The cause that a predicted obstacle is; None where none is so general."""
    return next((cause for cause in CAUSES if cause.explains_obstacle(case, obstacle)), None)


def still_possible(case: Case) -> tuple[Cause, ...]:
    """The causes that known state does not rule out, for a connection whose cause was not proved.

    Packets may be missing: see :func:`~netprobe.causes.proof.contradictions.shown`.
    """
    told = shown(case)
    named = case.probe is None or case.probe.lookup.how not in {Resolution.LITERAL, Resolution.INVENTORY}
    blind = case.probe is not None and (not case.world.before or in_vain(case, *BASIC))
    return tuple(
        cause
        for cause in CAUSES
        if told & (cause.explains if cause.note else cause.symptoms)
        and (named or not cause.looked_up)
        and (blind or cause.possible(case) or in_vain(case, *cause.needs))
    )
