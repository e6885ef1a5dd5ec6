"""How codes are said to a person."""

from __future__ import annotations

from netprobe.model.report import PathCode, Verdict
from netprobe.report.document import Style

PATH_WORDS = {
    PathCode.EMBEDDED_DNS: "Docker's embedded DNS server",
    PathCode.SHARED_NETNS: "the network namespace that both share",
    PathCode.DOCKER_PROXY: "docker-proxy",
    PathCode.DNAT_MASQUERADE: "DNAT and MASQUERADE",
    PathCode.DNAT: "DNAT",
    PathCode.MACVLAN_VLAN: "macvlan with a VLAN tag",
    PathCode.MACVLAN: "macvlan",
    PathCode.BRIDGE: "the bridge, without NAT",
    PathCode.MASQUERADE: "source NAT (MASQUERADE)",
    PathCode.ROUTED: "plain routing, without NAT",
    PathCode.LOCAL: "a process of the host itself",
    PathCode.NONE: "no path",
}

# What goes without saying (an address, a name of the inventory) has no words.
RESOLUTION_WORDS = {
    "hosts-file": "found in the source's /etc/hosts",
    "embedded-dns": "answered by Docker's embedded DNS server",
    "upstream-dns": "answered by the source's DNS server",
    "failed": "not resolved",
}

VERDICT_STYLE = {Verdict.WORKS: Style.GOOD, Verdict.FAILS: Style.BAD, Verdict.UNDETERMINED: Style.UNSURE}

PHASES_TOTAL = "total"


def path_words(path: PathCode, vlan: int | None) -> str:
    """Return the path as it stands after "works, by …"."""
    if path is PathCode.MACVLAN_VLAN and vlan is not None:
        return f"macvlan with VLAN tag {vlan}"
    return PATH_WORDS[path]
