"""What of the Engine API's answers is kept. An allow-list, so that secrets and the machine's paths stay out.

Kept in the shape that the Engine gives it, so that a whole inspect parses like a kept one. Never kept: Env (but for
``--link``'s own variables), Cmd, Args, Entrypoint, Mounts, labels (but Compose's project, service, number and one-off, and a network's project and key), paths, State.Error,
what health checks printed (State.Health.Log).

``--link`` variables are not in inspect: the engine computes them when the container starts (daemon/links.go), so the
collector reads them from /proc/PID/environ and hands them in; what is kept of them is in ``LinkEnv``. ``LastExitCode`` is the collector's, too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from netprobe.state.issues import dict_of, text_of, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: What Compose writes of a container (docker/compose pkg/api/labels.go): its project, service, number in it; whether ``compose run`` made it.
COMPOSE_LABELS = (
    "com.docker.compose.project",
    "com.docker.compose.service",
    "com.docker.compose.container-number",
    "com.docker.compose.oneoff",
)

#: And of a network (the same file): its project, and its key there.
COMPOSE_NETWORK_LABELS = ("com.docker.compose.project", "com.docker.compose.network")

_CONTAINER: dict[str, Any] = {
    "Id": True,
    "Name": True,
    "State": {
        **dict.fromkeys(
            (
                "Status",
                "Running",
                "Paused",
                "Restarting",
                "OOMKilled",
                "Dead",
                "Pid",
                "ExitCode",
                "StartedAt",
                "FinishedAt",
            ),
            True,
        ),
        "Health": {"Status": True},
    },
    "HostConfig": dict.fromkeys(
        ("NetworkMode", "PortBindings", "PublishAllPorts", "Links", "Dns", "DnsSearch", "DnsOptions", "ExtraHosts"),
        True,
    ),
    "Config": {
        **dict.fromkeys(("Image", "Hostname", "Domainname", "ExposedPorts"), True),
        "Labels": dict.fromkeys(COMPOSE_LABELS, True),
    },
    "NetworkSettings": {"Ports": True, "SandboxID": True, "SandboxKey": True},
    "RestartCount": True,
}
_ENDPOINT = (
    "NetworkID",
    "EndpointID",
    "IPAddress",
    "IPPrefixLen",
    "Gateway",
    "MacAddress",
    "GlobalIPv6Address",
    "GlobalIPv6PrefixLen",
    "IPv6Gateway",
    "Aliases",
    "DNSNames",
    "Links",
    "GwPriority",
)
_IPAM = ("Subnet", "Gateway", "IPRange", "AuxiliaryAddresses", "AuxAddress")
_NETWORK: dict[str, Any] = dict.fromkeys(
    ("Id", "Name", "Driver", "Scope", "Internal", "EnableIPv4", "EnableIPv6", "Attachable", "Ingress"), True
)
_NETWORK["Labels"] = dict.fromkeys(COMPOSE_NETWORK_LABELS, True)
_NETWORK_OPTIONS = re.compile(r"com\.docker\.network\.[\w.-]+|parent|macvlan_mode|ipvlan_mode|ipvlan_flag", re.ASCII)
_MEMBER = ("Name", "EndpointID", "MacAddress", "IPv4Address", "IPv6Address")
_INFO = (
    "Name",
    "ServerVersion",
    "SecurityOptions",
    "BridgeNfIptables",
    "BridgeNfIp6tables",
    "IPv4Forwarding",
    "LiveRestoreEnabled",
    "FirewallBackend",
    "DefaultAddressPools",
)
_VERSION = ("Version", "ApiVersion", "MinAPIVersion", "Os", "Arch", "KernelVersion")

# daemon/links.go: ALIAS_NAME, ALIAS_PORT, ALIAS_PORT_80_TCP[_ADDR|_PORT|_PROTO|_START|_END…]; ALIAS_ENV_* is the
# other container's environment and never kept.
_LINK_KEY = re.compile(
    r"[A-Z0-9_.]+_(NAME|PORT(_\d{1,5}(_\d{1,5})?_(TCP|UDP|SCTP)(_(ADDR|PROTO|(PORT(_(START|END))?)|START|END))?)?)"
)
_LINK_VALUE = re.compile(
    r"(tcp|udp|sctp)(://[0-9a-fA-F.:\[\]]+:\d{1,5}(-\d{1,5})?)?|[0-9a-fA-F.:]*[.:][0-9a-fA-F.:]+|\d{1,5}(-\d{1,5})?|(/[\w.-]+){2}",
    re.ASCII,
)


def allow_container(
    inspect: Mapping[str, Any], environ: Iterable[str] = (), ended: int | None = None
) -> dict[str, Any]:
    """What is kept of one container's inspect.

    Args:
        inspect: the Engine's answer (docker SDK: ``inspect_container``).
        environ: ``NAME=value`` lines of the container's first process, if they were read; only those of links are kept (an empty
            ``LinkEnv`` means: they were read, and links made none).
        ended: the exit code of its last end where it runs again, which the Engine's events tell and inspect does not; kept as ``LastExitCode``.
    """
    kept = _pick(inspect, _CONTAINER)
    whole = dict(inspect)
    networks = dict_of(whole, "NetworkSettings").get("Networks")
    if isinstance(networks, dict):
        kept["NetworkSettings"]["Networks"] = {
            name: _endpoint(endpoint) for name, endpoint in networks.items() if isinstance(endpoint, dict)
        }
    if "SandboxKey" in kept.get("NetworkSettings", {}):
        key = text_of(kept["NetworkSettings"], "SandboxKey")
        kept["NetworkSettings"]["SandboxKey"] = key.rsplit("/", 1)[-1]
    own = texts_of(dict_of(whole, "Config"), "Env")
    aliases, read = link_aliases(whole), list(environ)
    links = link_variables([*own, *read], aliases)
    if links or (aliases and read):
        kept["LinkEnv"] = [f"{name}={value}" for name, value in links.items()]
    if ended is not None:
        kept["LastExitCode"] = ended
    return kept


def _endpoint(endpoint: dict[str, Any]) -> dict[str, Any]:
    kept = {key: endpoint[key] for key in _ENDPOINT if key in endpoint}
    ipam = endpoint.get("IPAMConfig")
    if isinstance(ipam, dict):
        kept["IPAMConfig"] = {key: ipam[key] for key in ("IPv4Address", "IPv6Address") if key in ipam}
    return kept


def allow_network(inspect: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of one network's inspect (docker SDK: ``inspect_network``)."""
    kept = _pick(inspect, _NETWORK)
    configs = dict_of(dict(inspect), "IPAM").get("Config")
    items = [item for item in configs if isinstance(item, dict)] if isinstance(configs, list) else []
    kept["IPAM"] = {"Config": [{key: item[key] for key in _IPAM if key in item} for item in items]}
    options = inspect.get("Options")
    if isinstance(options, dict):
        kept["Options"] = {key: value for key, value in options.items() if _NETWORK_OPTIONS.fullmatch(key)}
    members = inspect.get("Containers")
    if isinstance(members, dict):
        kept["Containers"] = {
            ident: {key: member[key] for key in _MEMBER if key in member}
            for ident, member in members.items()
            if isinstance(member, dict)
        }
    return kept


def allow_info(info: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of the Engine's /info."""
    return {key: info[key] for key in _INFO if key in info}


def allow_version(version: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of the Engine's /version."""
    return {key: version[key] for key in _VERSION if key in version}


def _pick(value: Mapping[str, Any], allowed: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, inner in allowed.items():
        if key not in value:
            continue
        if inner is True:
            kept[key] = value[key]
        elif isinstance(value[key], dict):
            kept[key] = _pick(value[key], inner)
    return kept


def link_aliases(inspect: dict[str, Any]) -> tuple[str, ...]:
    """The aliases of ``--link``: ``/demo:/c1/nginx`` and ``demo:nginx`` both give ``nginx``."""
    networks = dict_of(dict_of(inspect, "NetworkSettings"), "Networks")
    links = [*texts_of(dict_of(inspect, "HostConfig"), "Links")]
    for endpoint in networks.values():
        links.extend(texts_of(endpoint, "Links") if isinstance(endpoint, dict) else ())
    return tuple(dict.fromkeys(link.rsplit(":", 1)[-1].rsplit("/", 1)[-1] for link in links))


def link_variables(environ: Iterable[str], aliases: Iterable[str]) -> dict[str, str]:
    """The variables that ``--link`` made, and no other: name, alias and value must all have the form that it writes."""
    prefixes = tuple(f"{alias.upper().replace('-', '_')}_" for alias in aliases)
    kept = {}
    for line in environ:
        name, equals, value = line.partition("=") if isinstance(line, str) else ("", "", "")
        if not (equals and prefixes and name.startswith(prefixes)):
            continue
        if _LINK_KEY.fullmatch(name) and _LINK_VALUE.fullmatch(value):
            kept[name] = value
    return kept
