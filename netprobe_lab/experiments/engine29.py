"""What Engine 29.7.2 does, with each of its two firewall backends: recorded once, in a lab with that engine's static programs, and replayed since.

No distribution that the lab can take an engine from has a package of 29 yet: these have no steps, and no lab runs them (`Experiment.recorded`).
What is new in 29: a container of another bridge is DNATed and masqueraded, not carried by docker-proxy; with the nftables backend Docker's rules
are in tables ``ip docker-bridges`` and ``ip6 docker-bridges``, iptables' FORWARD policy is left alone, and there is no chain for the user's rules.
Source: moby 29, daemon/libnetwork/drivers/bridge/internal/nftabler; Docker documentation, "Docker with nftables".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe_lab.experiments.model import HIP, Experiment, fails, works

if TYPE_CHECKING:
    from netprobe_lab.experiments.model import Expected

_IPTABLES, _NFTABLES = "iptables", "nftables"
_C1, _C2, _U2 = "c1@server2", "c2@server2", "u2@server2"  # on docker0; on another network; on a third, with web
_DEMO, _OUTSIDE = "172.17.0.2:80", "203.0.113.10:80"
_WEB, _UDP, _LOOPBACK = f"{HIP}:80", f"{HIP}:5000/udp", "127.0.0.1:80"


def _recorded(
    backend: str, situation: str, *rows: tuple[str, str, str, Expected], near_miss: tuple[str, ...] = ()
) -> tuple[Experiment, ...]:
    """The runs of one situation: name, what was asked, from where, and what is right."""
    return tuple(
        Experiment(
            name=f"e29-{name}",
            title=f"Engine 29.7.2, {backend} backend: {situation}",
            explain=(
                asked,
                "--from",
                source,
                *(("--proto", "dns") if asked.isalpha() or asked.endswith(".test") else ()),
            ),
            expected=expected,
            set_up=(),
            near_miss=near_miss,
            engine="29",
            recorded=f"Docker Engine 29.7.2, firewall backend {backend}",
        )
        for name, asked, source, expected in rows
    )


_BY_IPTABLES: Final = (
    *_recorded(
        _IPTABLES,
        "the backend changed to nftables and back",
        ("ipt-back-lan", _WEB, "server1", works("dnat")),
    ),
    *_recorded(
        _IPTABLES,
        "names",
        ("ipt-dns-proto", "web", _U2, works("embedded-dns", resolution="embedded-dns")),
        ("ipt-dns-web", "web:80", _U2, works("bridge", resolution="embedded-dns")),
    ),
    *_recorded(
        _IPTABLES,
        "the upstream DNS server is silent",
        ("ipt-dns-upstream-silent-proto", "www.outside.test", _U2, fails("dns-upstream-dead", resolution="failed")),
        ("ipt-dns-upstream-silent", "www.outside.test:80", _U2, fails("dns-upstream-dead", resolution="failed")),
        ("ipt-dns-upstream-silent8", "www.outside.test:80", _U2, fails("dns-upstream-dead", resolution="failed")),
    ),
    *_recorded(
        _IPTABLES,
        "all well",
        ("ipt-egress", _OUTSIDE, _C1, works("masquerade")),
        ("ipt-normal-lan", _WEB, "server1", works("dnat")),
        ("ipt-normal-loopback", _LOOPBACK, "server2", works("docker-proxy")),
        ("ipt-normal-other-bridge", _WEB, _C2, works("dnat-masquerade")),
        ("ipt-normal-own", _WEB, "server2", works("dnat")),
        ("ipt-normal-same-bridge", _WEB, _C1, works("docker-proxy")),
    ),
    *_recorded(
        _IPTABLES,
        "another network's container",
        ("ipt-inter-network", _DEMO, _C2, fails("inter-network")),
    ),
    *_recorded(
        _IPTABLES,
        "ip_forward is 0",
        ("ipt-ipfwd-other-bridge", _WEB, _C2, fails("ip-forward-off", path="dnat")),
    ),
    *_recorded(
        _IPTABLES,
        "a container's own address from another host",
        ("ipt-lan-direct", _DEMO, "server1", fails("raw-direct-drop")),
    ),
    *_recorded(
        _IPTABLES,
        "--link on the default bridge gives a name no more than before",
        ("ipt-link", "demo:80", _C1, fails("dns-no-shared-network", resolution="failed")),
    ),
    *_recorded(
        _IPTABLES,
        "docker-proxy killed",
        ("ipt-proxy-killed-lan", _WEB, "server1", works("dnat")),
        ("ipt-proxy-killed-loopback", _LOOPBACK, "server2", fails("proxy-dead")),
        ("ipt-proxy-killed-other-bridge", _WEB, _C2, works("dnat-masquerade")),
        ("ipt-proxy-killed-own", _WEB, "server2", works("dnat")),
        ("ipt-proxy-killed-same-bridge", _WEB, _C1, fails("proxy-dead")),
    ),
    *_recorded(
        _IPTABLES,
        "the container is stopped",
        ("ipt-stopped", _WEB, "server1", fails("container-stopped")),
    ),
    *_recorded(
        _IPTABLES,
        "docker-proxy killed, UDP",
        ("ipt-udp-killed-other", _UDP, _C2, works("dnat-masquerade")),
    ),
    *_recorded(
        _IPTABLES,
        "UDP",
        ("ipt-udp-other", _UDP, _C2, works("dnat-masquerade")),
        ("ipt-udp-same", _UDP, _C1, works("docker-proxy")),
    ),
    *_recorded(
        _IPTABLES,
        "the user's own nft rule at forward drops",
        ("ipt-user-fwd-lan", _WEB, "server1", fails("forward-drop")),
        ("ipt-user-fwd-other-bridge", _WEB, _C2, fails("forward-drop", path="dnat")),
    ),
)
_BY_NFTABLES: Final = (
    *_recorded(
        _NFTABLES,
        "nft flush ruleset, then docker restart of the container",
        ("nft-flush-restart-lan", _WEB, "server1", works("docker-proxy", findings=("rules-flushed",))),
        near_miss=("dnat-missing",),
    ),
    *_recorded(
        _NFTABLES,
        "the backend changed from iptables, FORWARD's policy set to ACCEPT after that",
        ("nft-migrated-accept-lan", _WEB, "server1", works("dnat")),
        ("nft-migrated-accept-other-bridge", _WEB, _C2, works("dnat-masquerade")),
    ),
    *_recorded(
        _NFTABLES,
        "the backend changed from iptables by a restart",
        ("nft-migrated-egress", _OUTSIDE, _C2, works("masquerade")),
        ("nft-migrated-inter", _DEMO, _C2, fails("inter-network")),
        ("nft-migrated-lan", _WEB, "server1", works("dnat")),
        ("nft-migrated-other-bridge", _WEB, _C2, works("dnat-masquerade")),
        near_miss=("rules-flushed", "nft-backend-forward-drop"),
    ),
    *_recorded(
        _NFTABLES,
        "the backend changed from iptables, whose FORWARD policy DROP is left",
        ("nft-migrated2-lan", _WEB, "server1", fails("nft-backend-forward-drop")),
    ),
    *_recorded(
        _NFTABLES,
        "docker-proxy killed and the DNAT rule deleted",
        ("nft-both-lan", _WEB, "server1", fails("proxy-and-dnat-dead")),
        ("nft-both-loopback", _LOOPBACK, "server2", fails("proxy-and-dnat-dead")),
        ("nft-both-other-bridge", _WEB, _C2, fails("proxy-and-dnat-dead")),
        ("nft-both-own", _WEB, "server2", fails("proxy-and-dnat-dead")),
        ("nft-both-same-bridge", _WEB, _C1, fails("proxy-and-dnat-dead")),
    ),
    *_recorded(
        _NFTABLES,
        "the DNAT rule deleted",
        ("nft-dnat-deleted-lan", _WEB, "server1", works("docker-proxy", findings=("dnat-missing",))),
        ("nft-dnat-deleted-loopback", _LOOPBACK, "server2", works("docker-proxy", findings=("dnat-missing",))),
        ("nft-dnat-deleted-other-bridge", _WEB, _C2, works("docker-proxy", findings=("dnat-missing",))),
        ("nft-dnat-deleted-own", _WEB, "server2", works("docker-proxy", findings=("dnat-missing",))),
        ("nft-dnat-deleted-same-bridge", _WEB, _C1, works("docker-proxy", findings=("dnat-missing",))),
        near_miss=("rules-flushed", "proxy-and-dnat-dead"),
    ),
    *_recorded(
        _NFTABLES,
        "names",
        ("nft-dns-outside", "www.outside.test:80", _U2, works("masquerade", resolution="embedded-dns")),
        ("nft-dns-proto", "web", _U2, works("embedded-dns", resolution="embedded-dns")),
        ("nft-dns-web", "web:80", _U2, works("bridge", resolution="embedded-dns")),
        near_miss=("prediction-differs",),
    ),
    *_recorded(
        _NFTABLES,
        "all well",
        ("nft-egress", _OUTSIDE, _C1, works("masquerade")),
        ("nft-normal-lan", _WEB, "server1", works("dnat")),
        ("nft-normal-loopback", _LOOPBACK, "server2", works("docker-proxy")),
        ("nft-normal-other-bridge", _WEB, _C2, works("dnat-masquerade")),
        ("nft-normal-own", _WEB, "server2", works("dnat")),
        ("nft-normal-same-bridge", _WEB, _C1, works("docker-proxy")),
    ),
    *_recorded(
        _NFTABLES,
        "a network with enable_icc=false",
        ("nft-icc", "i1:80", "i2@server2", fails("icc-false", resolution="embedded-dns")),
        near_miss=("bridge-nf-forward-drop", "forward-drop"),
    ),
    *_recorded(
        _NFTABLES,
        "another network's container",
        ("nft-inter-network", _DEMO, _C2, fails("inter-network")),
        near_miss=("rule-drop", "raw-direct-drop"),
    ),
    *_recorded(
        _NFTABLES,
        "an internal network",
        ("nft-internal-egress", _OUTSIDE, "n2@server2", fails("internal-network")),
        ("nft-internal-host", _WEB, "n2@server2", fails("internal-network")),
    ),
    *_recorded(
        _NFTABLES,
        "ip_forward is 0",
        ("nft-ipfwd-egress", _OUTSIDE, _C1, fails("ip-forward-off")),
        ("nft-ipfwd-lan", _WEB, "server1", fails("ip-forward-off")),
        ("nft-ipfwd-other-bridge", _WEB, _C2, fails("ip-forward-off", path="dnat")),
    ),
    *_recorded(
        _NFTABLES,
        "a container's own address from another host",
        ("nft-lan-direct", _DEMO, "server1", fails("raw-direct-drop")),
    ),
    *_recorded(
        _NFTABLES,
        "iptables' FORWARD policy is DROP",
        ("nft-policy-egress", _OUTSIDE, _C1, fails("nft-backend-forward-drop")),
        ("nft-policy-lan", _WEB, "server1", fails("nft-backend-forward-drop")),
        ("nft-policy-other-bridge", _WEB, _C2, fails("nft-backend-forward-drop", path="dnat")),
        ("nft-policy-same-bridge-direct", _DEMO, _C1, fails("bridge-nf-forward-drop")),
    ),
    *_recorded(
        _NFTABLES,
        "docker-proxy killed",
        ("nft-proxy-killed-lan", _WEB, "server1", works("dnat")),
        ("nft-proxy-killed-loopback", _LOOPBACK, "server2", fails("proxy-dead")),
        ("nft-proxy-killed-other-bridge", _WEB, _C2, works("dnat-masquerade")),
        ("nft-proxy-killed-own", _WEB, "server2", works("dnat")),
        ("nft-proxy-killed-same-bridge", _WEB, _C1, fails("proxy-dead")),
        near_miss=("proxy-and-dnat-dead", "dnat-missing", "port-closed"),
    ),
    *_recorded(
        _NFTABLES,
        "a container's own address on the same bridge",
        ("nft-same-bridge-direct", _DEMO, _C1, works("bridge")),
    ),
    *_recorded(
        _NFTABLES,
        "a trusted interface (trusted_host_interfaces), a published port",
        ("nft-trusted-published", "172.29.0.3:80", "server1", works("routed")),
    ),
    *_recorded(
        _NFTABLES,
        "a trusted interface, a port that is not published",
        ("nft-trusted-unpublished", "172.29.0.2:80", "server1", fails("forward-drop")),
        near_miss=("raw-direct-drop", "rule-drop"),
    ),
    *_recorded(
        _NFTABLES,
        "the user's own rule drops by the dialled port (ct original proto-dst)",
        ("nft-user-ctorig-lan", _WEB, "server1", fails("forward-drop")),
    ),
    *_recorded(
        _NFTABLES,
        "the user's own nft rule at forward drops",
        ("nft-user-fwd-egress", _OUTSIDE, _C1, fails("forward-drop")),
        ("nft-user-fwd-lan", _WEB, "server1", fails("forward-drop")),
        ("nft-user-fwd-loopback", _LOOPBACK, "server2", works("docker-proxy")),
        ("nft-user-fwd-other-bridge", _WEB, _C2, fails("forward-drop", path="dnat")),
    ),
    *_recorded(
        _NFTABLES,
        "the user's own nft chain at priority -10 drops, and counts",
        ("nft-user-fwdc-lan", _WEB, "server1", fails("forward-drop")),
    ),
    *_recorded(
        _NFTABLES,
        "a rule that the user put into Docker's own filter-FORWARD drops",
        ("nft-user-in-docker-lan", _WEB, "server1", fails("forward-drop")),
    ),
    *_recorded(
        _NFTABLES,
        "the user's own nft rule at input drops",
        ("nft-user-inp-loopback", _LOOPBACK, "server2", fails("input-drop")),
        ("nft-user-inp-same-bridge", _WEB, _C1, fails("input-firewall-container-to-host")),
    ),
)
ENGINE_29: Final = (*_BY_IPTABLES, *_BY_NFTABLES)
