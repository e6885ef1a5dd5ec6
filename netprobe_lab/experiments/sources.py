"""Public bug reports, and the experiments that rebuild their situations.

Each is asked live, its remedy is carried out, and the question is asked again (`tests/lab/test_lab_experiments.py`): here that is true of every
report, not of one experiment of each cause alone.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Rebuilt(NamedTuple):
    """A situation of public bug reports.

    Attributes:
        reports: where people tell of it: REPOSITORY#NUMBER, with the year where the header of the situation knows it.
        asked: experiments that ask what went wrong there: they fail, or work with a finding that has a remedy.
        twins: the same situations with the deciding fact otherwise: they work.
    """

    reports: str
    asked: tuple[str, ...]
    twins: tuple[str, ...]


SOURCES: Final = (
    Rebuilt(
        "tailscale/tailscale#13367 (2024)",
        asked=("policy-route-away", "policy-route-away-answer", "policy-route-away-lookup"),
        twins=("policy-route-thrown", "policy-route-thrown-answer"),
    ),
    Rebuilt(
        "tailscale/tailscale#12434 (2024)",
        asked=("policy-route-away-subnet-published", "policy-route-away-subnet", "policy-route-away-proxy"),
        twins=("policy-route-subnet-elsewhere",),
    ),
    Rebuilt(
        "mullvad/mullvadvpn-app#733",
        asked=("answer-other-way",),
        twins=("answer-by-mark",),
    ),
    Rebuilt(
        "passteque/gluetun#1379 (2023), passteque/gluetun#1909 (2023)",
        asked=("container-firewall", "container-firewall-proxy", "output-drop-sidecar"),
        twins=("container-firewall-open", "container-firewall-neighbours", "sidecar-let-out"),
    ),
    Rebuilt(
        "ysbaddaden/prax#102 (2014), aiastia/note#86 (2025)",
        asked=("foreign-nat", "foreign-nat-answers", "foreign-nat-nft"),
        twins=("foreign-nat-narrow",),
    ),
    Rebuilt(
        "chaifeng/ufw-docker#119 (2024)",
        asked=("ufw-docker", "docker-user-drop-ufw"),
        twins=("ufw-docker-allowed", "docker-user-ufw-allows"),
    ),
    Rebuilt(
        "moby/moby#49528 (2025)",
        asked=("ufw-forward-reject", "forward-drop-ufw", "forward-drop-ufw-published"),
        twins=("forward-ufw-routes", "forward-ufw-lets-in"),
    ),
    Rebuilt(
        "canonical/lxd#11140 (2022), moby/moby#22054 (2019)",
        asked=("docker-user-drop-answers",),
        twins=("docker-user-established",),
    ),
    Rebuilt(
        "ipr-cnrs/nftables#70 (2025), docker/for-linux#1472 (2023)",
        asked=("rules-flushed-reload", "rules-flushed-reload-out"),
        twins=("rules-not-flushed", "rules-flushed-and-back"),
    ),
    Rebuilt(
        "firewalld/firewalld#1235 (2024), moby/moby#49680 (2025)",
        asked=("ndp-blocked-firewalld", "ndp-blocked-bridge"),
        twins=("ndp-firewalld-permitted",),
    ),
    Rebuilt(
        "NethServer/dev#7635 (2025), crowdsecurity/home-assistant-addons#31 (2023)",
        asked=("forward-drop-nft-bouncer",),
        twins=("forward-drop-nft-set-elsewhere",),
    ),
    Rebuilt(
        "moby/moby#52612 (2026), docker/for-linux#949",
        asked=("forward-drop-libvirt",),
        twins=("forward-libvirt-let-through",),
    ),
    Rebuilt(
        "chipmk/docker-mac-net-connect#4 (2022)",
        asked=("answer-other-way-bridges",),
        twins=("answer-same-way",),
    ),
    Rebuilt(
        "docker/compose#13511 (2026), docker/roadmap#658 (2025)",
        asked=("answer-other-way-macvlan",),
        twins=("answer-macvlan-dialled",),
    ),
    Rebuilt(
        "moby/moby#31162, moby/moby#30053, mailcow/mailcow-dockerized#5029 (2023)",
        asked=("snat-wrong-address", "snat-another-address"),
        twins=("snat-own-address",),
    ),
    Rebuilt(
        "moby/moby#14185 (2015), systemd/systemd#31423 (2024)",
        asked=("ip-forward-off-interface", "ip-forward-off-interface-out"),
        twins=("ip-forward-off-other-interface",),
    ),
    Rebuilt(
        "moby/moby#53384 (2026)",
        asked=("udp-conntrack-stale-port",),
        twins=("udp-conntrack-port-deleted",),
    ),
    Rebuilt(
        "tailscale/tailscale#4917 (2023)",
        asked=("masquerade-condition",),
        twins=("masquerade-condition-holds",),
    ),
    Rebuilt(
        "Start9Labs/start-technologies#3262 (2026), mochman/Bypass_CGNAT#33 (2023)",
        asked=("mtu-blackhole-answer", "mtu-blackhole-link", "mtu-blackhole-proxied", "mtu-blackhole-ping"),
        twins=("mtu-answer-small", "mtu-link-small", "mtu-answer-clamped"),
    ),
    Rebuilt(
        "docker/compose#8223 (2021), docker/compose#11257 (2023), docker/compose#13784 (2026)",
        asked=("dns-alias-collision-shared", "dns-alias-collision-project", "dns-alias-collision-own"),
        twins=("dns-alias-shared-apart", "compose-scaled"),
    ),
    Rebuilt(
        "chaifeng/ufw-docker#76 (2022), docker/for-linux#1536 (2025), forta-network/forta-node#499 (2022)",
        asked=("input-firewall-docker0-only",),
        twins=("input-firewall-own-subnet",),
    ),
    Rebuilt(
        "docker/compose#9131 (2022)",
        asked=("output-drop-proxy",),
        twins=("output-drop-proxy-let-out", "output-policy-own-address"),
    ),
    Rebuilt(
        "docker/compose#12676 (2025), linuxserver/docker-speedtest-tracker#27 (2024), lobehub/lobehub#2402 (2024)",
        asked=("name-answered-elsewhere", "name-answered-elsewhere-misspelt"),
        twins=("name-answered-container",),
    ),
    Rebuilt(
        "kill switches for containers, as guides to VPNs in Docker write them",
        asked=("no-route-kill-switch",),
        twins=("kill-switch-lan",),
    ),
    Rebuilt(
        "moby/moby#35251 (2017), moby/moby#17212 (2015)",
        asked=("answer-other-way-uplink",),
        twins=("answer-uplink-own", "answer-uplink-marked"),
    ),
    Rebuilt(
        "crazy-max/docker-fail2ban#29",
        asked=("docker-user-drop-banned", "docker-user-drop-nft"),
        twins=("docker-user-banned-another", "docker-user-nft-another"),
    ),
    Rebuilt(
        "moby/moby#22054 (2019), docker/docs#8087",
        asked=("docker-user-drop-original-port",),
        twins=("docker-user-original-port-another",),
    ),
    Rebuilt(
        "systemd/systemd#33414 (2024)",
        asked=("ip-forward-off-v6-in", "ip-forward-off-v6-out"),
        twins=("ip-forward-on-v6-in",),
    ),
    Rebuilt(
        "everyday questions, as in the threads of NginxProxyManager and immich",
        asked=("restart-loop", "restart-loop-short", "restart-loop-running"),
        twins=("restarted-once",),
    ),
    Rebuilt(
        "moby/moby#12946 (2015)",
        asked=("hairpin-missing", "forward-drop-static-nat"),
        twins=("hairpin-there", "static-nat", "hairpin-neighbour-dials"),
    ),
)
