"""How codes are said to a person."""

from __future__ import annotations

from netprobe.model.report import Confidence, PathCode, Verdict
from netprobe.report.document import Style
from netprobe.report.language import N_, _

PATH_WORDS = {
    PathCode.EMBEDDED_DNS: N_("Docker's embedded DNS server"),
    PathCode.SHARED_NETNS: N_("the network namespace that both share"),
    PathCode.DOCKER_PROXY: N_("docker-proxy"),
    PathCode.DNAT_MASQUERADE: N_("DNAT and MASQUERADE"),
    PathCode.DNAT: N_("DNAT"),
    PathCode.MACVLAN_VLAN: N_("macvlan with a VLAN tag"),
    PathCode.MACVLAN: N_("macvlan"),
    PathCode.BRIDGE: N_("the bridge, without NAT"),
    PathCode.MASQUERADE: N_("source NAT (MASQUERADE)"),
    PathCode.ROUTED: N_("plain routing, without NAT"),
    PathCode.LOCAL: N_("a process of the host itself"),
    PathCode.NONE: N_("no path"),
}

# What goes without saying (an address, a name of the inventory) has no words.
RESOLUTION_WORDS = {
    "hosts-file": N_("found in the source's /etc/hosts"),
    "embedded-dns": N_("answered by Docker's embedded DNS server"),
    "upstream-dns": N_("answered by the source's DNS server"),
    "failed": N_("not resolved"),
}

SURE_WORDS = {Confidence.CERTAIN: N_("certain"), Confidence.LIKELY: N_("likely")}
VERDICT_STYLE = {Verdict.WORKS: Style.GOOD, Verdict.FAILS: Style.BAD, Verdict.UNDETERMINED: Style.UNSURE}

PHASES_TOTAL = "total"


def path_words(path: PathCode, vlan: int | None) -> str:
    """Return the path as it stands after "works, by …"."""
    if path is PathCode.MACVLAN_VLAN and vlan is not None:
        return _("macvlan with VLAN tag {}").format(vlan)
    return _(PATH_WORDS[path])
