"""The Docker Engine: its inspect answers (whole, or kept by :mod:`netprobe.state.engine.allow`), its chains and rules.

Source: moby api/types/container and api/types/network, libnetwork/drivers/bridge/setup_ip_tables.go, libnetwork/resolver_unix.go;
seen with Engine 20.10, 28 and 29.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netprobe.state.engine import docker_nft
from netprobe.state.engine.allow import COMPOSE_LABELS, COMPOSE_NETWORK_LABELS, link_aliases, link_variables
from netprobe.state.engine.base import ChainRole, ContainerEngine
from netprobe.state.engine.docker_proxy import parse_proxies
from netprobe.state.engine.model import (
    ComposeLabels,
    ComposeNetwork,
    Container,
    ContainerState,
    EndpointSettings,
    Network,
    Published,
)
from netprobe.state.engine.remedies import EngineRemedies
from netprobe.state.iptables import Rule
from netprobe.state.iptables_fields import Field
from netprobe.state.issues import Issues, dict_of, int_of, load_items, text_of, texts_of
from netprobe.state.nft import NftRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.model.rule import RuleRef
    from netprobe.state.engine.model import Proxy
    from netprobe.state.iptables import Ruleset
    from netprobe.state.nft import NftRuleset

_OPTION = "com.docker.network.bridge."
_ISOLATION = ("DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2", "DOCKER-ISOLATION", "DOCKER-INTERNAL")
_BESIDE_INTERNAL = ("DOCKER-ISOLATION", "DOCKER-INTERNAL", "DOCKER-FORWARD")
# enable_icc=false; Engine 28 in raw: a container's address from outside its bridge
_OWN_RULE = re.compile(r"-i (\S+) -o \1 -j DROP$|^-A PREROUTING -d \S+ ! -i \S+ -j DROP$")
_COMPOSE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}")


class Docker(ContainerEngine):
    """The Docker Engine (moby)."""

    outputs = frozenset({"containers", "networks", "docker-version", "docker-info"})
    version_output, info_output = "docker-version", "docker-info"
    socket = "unix:///var/run/docker.sock"
    embedded_dns = "127.0.0.11"
    interfaces = r"docker0|docker_gwbridge|br-[0-9a-f]{12}|veth[0-9a-f]{7}"
    default_network = "172.17.0.0/16"
    mac_prefix = 0x0242
    dns_chain = "DOCKER_OUTPUT"
    fallback_dns = ("8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844")
    chain = "DOCKER"
    user_chain = "DOCKER-USER"
    forward_chain = "DOCKER-FORWARD"  # Engine 28 and later
    firewalld_zone = "docker"
    nft_table = docker_nft.TABLE  # Engine 29's nftables backend
    nft_dns_table = docker_nft.DNS_TABLE
    nft_dnat_chain = docker_nft.DNAT_CHAIN
    nft_source_chain = docker_nft.SOURCE_CHAIN
    remedies = EngineRemedies(program="docker", service="docker")

    def containers(self, text: str, issues: Issues) -> tuple[Container, ...] | None:
        """See :func:`parse_containers`."""
        return parse_containers(text, issues)

    def networks(self, text: str, issues: Issues) -> tuple[Network, ...] | None:
        """See :func:`parse_networks`."""
        return parse_networks(text, issues)

    def proxies(self, text: str, issues: Issues) -> tuple[Proxy, ...] | None:
        """See :func:`~netprobe.state.engine.docker_proxy.parse_proxies`."""
        return parse_proxies(text, issues)

    def version(self, answer: object) -> str | None:
        """``"20.10.24+dfsg1"``: Version of ``/version``."""
        version = answer.get("Version") if isinstance(answer, dict) else None
        return version if isinstance(version, str) else None

    def uses_nftables(self, answer: object) -> bool | None:
        """FirewallBackend of ``/info`` (Engine 29 and later): its Driver is ``iptables`` or ``nftables``, with firewalld ``nftables+firewalld``."""
        driver = text_of(dict_of(answer, "FirewallBackend"), "Driver") if isinstance(answer, dict) else ""
        return driver.startswith("nftables") if driver else None

    def rootless(self, answer: object) -> bool:
        """SecurityOptions of ``/info``: everything of it is in RootlessKit's network namespace then."""
        options = answer.get("SecurityOptions") if isinstance(answer, dict) else None
        return isinstance(options, list) and any(
            isinstance(each, str) and each.split(",")[0] == "name=rootless" for each in options
        )

    def chain_role(self, chain: str) -> ChainRole | None:
        """By its name."""
        if chain == self.user_chain:
            return ChainRole.USER
        if chain in _ISOLATION:
            return ChainRole.ISOLATION
        return ChainRole.OWN if chain.startswith(self.chain) else None

    def keeps_internal(self, chain: str) -> bool:
        """Isolation's chains, and Engine 28's DOCKER-FORWARD."""
        return chain.startswith(_BESIDE_INTERNAL)

    def isolates(self, table: str, rule: Rule | NftRule | None) -> bool:
        """Engine 28's raw rule: ``-d ADDRESS ! -i BRIDGE -j DROP``; that of Engine 29's nftables backend."""
        if isinstance(rule, NftRule):
            return docker_nft.isolates(rule)
        if table != "raw" or rule is None:
            return False
        inside = rule.get(Field.IN)
        return rule.get(Field.DST) is not None and inside is not None and inside.negated

    def owns(self, rule: RuleRef) -> bool:
        """By its chain's or table's name, or by the form of what it writes to built-in chains."""
        own = rule.chain.startswith(self.chain) and not rule.chain.startswith(self.user_chain)
        return own or docker_nft.owns(rule) or _OWN_RULE.search(rule.text) is not None

    def closes_to_others(self, rule: Rule | NftRule | None, bridge: str) -> bool:
        """Engine 28's raw rule; that of Engine 29's nftables backend, where interfaces that are trusted may stand beside the bridge."""
        if isinstance(rule, NftRule):
            return docker_nft.closes_to_others(rule, bridge)
        inside = rule.get(Field.IN) if rule is not None else None
        return rule is not None and rule.target == "DROP" and inside is not None and inside.is_not(bridge)

    def closes_unpublished(self, rule: Rule | NftRule | None, bridge: str = "") -> bool:
        """Engine 28's last rule of a bridge: ``-A DOCKER ! -i BRIDGE -o BRIDGE -j DROP``; that of the bridge's chain with nftables."""
        if isinstance(rule, NftRule):
            return docker_nft.closes_unpublished(rule, bridge)
        if not isinstance(rule, Rule) or (rule.chain, rule.target) != (self.chain, "DROP") or len(rule.conditions) != 2:
            return False
        inside, out = rule.get(Field.IN), rule.get(Field.OUT)
        if inside is None or out is None or out.negated:
            return False
        return inside.is_not(out.value) and bridge in {"", out.value}

    def forbids_icc(self, rule: RuleRef, bridge: str) -> bool:
        """``-i BRIDGE -o BRIDGE -j DROP``; with nftables ``iifname BRIDGE drop`` in the bridge's chain."""
        return f"-i {bridge} -o {bridge} " in rule.text or docker_nft.forbids_icc(rule, bridge)

    def nft_dnat_rules(self, nft: NftRuleset, address: str, published: Published) -> tuple[NftRule, ...]:
        """In the one chain that has those of all published ports."""
        return docker_nft.dnat_rules(nft, address, published)

    def nft_in_use(self, nft: NftRuleset, family: str = "ip") -> bool:
        """Whether its nat base chains are there, and jump to its rules: it writes them at its own start only."""
        return docker_nft.is_used(nft, family)

    def filters(self, ruleset: Ruleset | None, bridge: str = "") -> bool:
        """Its chain; for a bridge, the jump to it."""
        if ruleset is None or not bridge:
            return ruleset is not None and ruleset.chain("filter", self.chain) is not None
        jumps = (rule for rule in ruleset.rules() if rule.table == "filter" and rule.target == self.chain)
        return any(f"-o {bridge} " in rule.text for rule in jumps)

    def translates(self, ruleset: Ruleset | None) -> bool:
        """Its chain."""
        return ruleset is not None and ruleset.chain("nat", self.chain) is not None

    def uses_translation(self, ruleset: Ruleset) -> bool:
        """A rule there, or a jump."""
        rules = (rule for chain in ruleset.tables.get("nat", {}).values() for rule in chain.rules)
        return any(self.chain in {rule.chain, rule.target} for rule in rules)

    def uses_filter(self, ruleset: Ruleset) -> bool:
        """FORWARD jumps to one of its chains."""
        forward = ruleset.chain("filter", "FORWARD")
        return forward is not None and any(rule.target.startswith(self.chain) for rule in forward.rules)

    def has_chains(self, ruleset: Ruleset) -> bool:
        """DOCKER in nat and filter, and PREROUTING's jump to it, which it writes at its own start only."""
        arriving = ruleset.chain("nat", "PREROUTING")
        jumped = arriving is not None and any(rule.target == self.chain for rule in arriving.rules)
        return jumped and self.translates(ruleset) and self.filters(ruleset)

    def in_nftables(self, nft: NftRuleset | None) -> bool:
        """Engine 29 with ``--firewall-backend=nftables``."""
        return nft is not None and any(chain.table == self.nft_table for chain in nft.chains)

    def lacks_userland_proxy(self, ruleset: Ruleset | None) -> bool:
        """``userland-proxy: false``: then nat OUTPUT also takes 127.0.0.0/8 (libnetwork: no ``! -d 127.0.0.0/8`` on its jump)."""
        chain = ruleset.chain("nat", "OUTPUT") if ruleset else None
        jumps = [rule for rule in chain.rules if rule.target == self.chain] if chain else []
        return bool(jumps) and not any("! -d 127.0.0.0/8" in rule.text for rule in jumps)


ROUTED = "routed"


def gateway_mode(network: Network, *, six: bool) -> str:
    """How a bridge network is reached from outside (Engine 27 and later): ``nat``, ``nat-unprotected``, ``routed`` or ``isolated``."""
    return network.options.get(f"{_OPTION}gateway_mode_{'ipv6' if six else 'ipv4'}") or "nat"


def parse_containers(text: str, issues: Issues) -> tuple[Container, ...] | None:
    """The JSON list of inspects, in its order; None when the text is none: an engine without containers answers ``[]``."""
    items = load_items(text, issues) if text.strip() else None
    if items is None:
        return None
    found = []
    for number, item in items:
        if text_of(item, "Name").lstrip("/"):
            found.append(_container(item))
        else:
            issues.add(number, item, "a container without name")
    return tuple(_joined(each, found) for each in found)


def _joined(container: Container, others: list[Container]) -> Container:
    """With ``netns_of`` as a name: NetworkMode has an id (or a name, in files written by hand)."""
    mode, _, wanted = container.network_mode.partition(":")
    if mode != "container" or not wanted:
        return container
    owner = next((each for each in others if wanted in {each.id, each.name} or each.id.startswith(wanted)), None)
    return replace(container, netns_of=owner.name if owner else wanted[:12])


def _container(item: dict[str, Any]) -> Container:
    state, host, config = dict_of(item, "State"), dict_of(item, "HostConfig"), dict_of(item, "Config")
    settings = dict_of(item, "NetworkSettings")
    status = _status(state)
    requested = tuple(_published(dict_of(host, "PortBindings")))
    runs = status in {ContainerState.RUNNING, ContainerState.PAUSED}
    environ = (*texts_of(config, "Env"), *texts_of(item, "LinkEnv"))
    link_env = link_variables(environ, link_aliases(item))
    return Container(
        name=text_of(item, "Name").lstrip("/"),
        id=text_of(item, "Id"),
        pid=int_of(state, "Pid") or 0,
        state=status,
        image=text_of(config, "Image"),
        hostname=text_of(config, "Hostname"),
        network_mode=text_of(host, "NetworkMode") or "default",
        networks=_endpoints(dict_of(settings, "Networks")),
        published=tuple(_published(dict_of(settings, "Ports"))) if runs else requested,
        requested=requested,
        exposed=tuple(filter(None, map(_port, dict_of(config, "ExposedPorts")))),
        links=tuple(_links(host)),
        link_env=link_env,
        link_env_known=bool(link_env) or isinstance(item.get("LinkEnv"), list),
        extra_hosts=texts_of(host, "ExtraHosts"),
        dns=texts_of(host, "Dns"),
        exit_code=int_of(state, "ExitCode"),
        last_exit=int_of(item, "LastExitCode"),
        oom_killed=state.get("OOMKilled") is True,
        health=_health(state),
        restarts=int_of(item, "RestartCount"),
        started=text_of(state, "StartedAt"),
        finished=text_of(state, "FinishedAt"),
        compose=_compose(dict_of(config, "Labels")),
    )


def _compose(labels: dict[str, Any]) -> ComposeLabels | None:
    """Whose it is by Compose's labels. Anybody may write labels: what is no name of Compose's is none (compose-spec: ``[a-zA-Z0-9._-]``).

    A container of ``compose run`` has its service's label and none of the service's names on the network: it is not one of the service's.
    """
    project, service, number, oneoff = (text_of(labels, key) for key in COMPOSE_LABELS)
    if oneoff.lower() == "true" or not (_COMPOSE_NAME.fullmatch(project) and _COMPOSE_NAME.fullmatch(service)):
        return None
    counted = number.isascii() and number.isdecimal() and len(number) < 7
    return ComposeLabels(project=project, service=service, number=int(number) if counted else 0)


def _status(state: dict[str, Any]) -> ContainerState:
    text = text_of(state, "Status")
    if text in set(ContainerState):
        return ContainerState(text)
    if state.get("Paused") is True:
        return ContainerState.PAUSED
    return ContainerState.RUNNING if state.get("Running") is True else ContainerState.UNKNOWN


def _health(state: dict[str, Any]) -> str:
    """Of a container with a health check (moby api/types/container/health.go: ``none`` is that there is none)."""
    text = text_of(dict_of(state, "Health"), "Status")
    return text if text in {"starting", "healthy", "unhealthy"} else ""


def _links(host: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for link in texts_of(host, "Links"):
        other, _, alias = link.partition(":")
        yield other.rsplit("/", 1)[-1], alias.rsplit("/", 1)[-1] or other.rsplit("/", 1)[-1]


def _dicts(value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((key, each) for key, each in value.items() if isinstance(each, dict))


def _endpoints(networks: dict[str, Any]) -> dict[str, EndpointSettings]:
    return {name: _endpoint(name, item) for name, item in _dicts(networks)}


def _endpoint(name: str, item: dict[str, Any]) -> EndpointSettings:
    return EndpointSettings(
        network=name,
        network_id=text_of(item, "NetworkID"),
        address=text_of(item, "IPAddress"),
        prefixlen=int_of(item, "IPPrefixLen") or 0,
        gateway=text_of(item, "Gateway"),
        address6=text_of(item, "GlobalIPv6Address"),
        gateway6=text_of(item, "IPv6Gateway"),
        mac=text_of(item, "MacAddress").lower(),
        aliases=tuple(dict.fromkeys((*texts_of(item, "Aliases"), *texts_of(item, "DNSNames")))),
        asked=text_of(dict_of(item, "IPAMConfig"), "IPv4Address"),
        links=texts_of(item, "Links"),
    )


def _port(text: str) -> tuple[int, str] | None:
    """``80/tcp`` -> (80, "tcp")."""
    number, _, proto = text.partition("/")
    if not (number.isascii() and number.isdecimal() and int(number[:6]) <= 65535):
        return None
    return int(number), proto or "tcp"


def _published(ports: dict[str, Any]) -> Iterator[Published]:
    for key, bindings in ports.items():
        port = _port(key)
        for binding in bindings if port and isinstance(bindings, list) else ():
            if isinstance(binding, dict) and port:
                host = _port(text_of(binding, "HostPort"))  # empty, or a range: chosen at start
                yield Published(
                    host_ip=text_of(binding, "HostIp") or "0.0.0.0",  # noqa: S104 - what the engine means by ""
                    host_port=host[0] if host else 0,
                    container_port=port[0],
                    proto=port[1],
                )


def parse_networks(text: str, issues: Issues) -> tuple[Network, ...] | None:
    """The JSON list of network inspects; None when the text is no list."""
    items = load_items(text, issues)
    if items is None:
        return None
    found = []
    for number, item in items:
        if text_of(item, "Name"):
            found.append(_network(item))
        else:
            issues.add(number, item, "a network without name")
    return tuple(found)


def _network(item: dict[str, Any]) -> Network:
    options = {key: value for key, value in dict_of(item, "Options").items() if isinstance(value, str)}
    configs = dict_of(item, "IPAM").get("Config")
    pools = [each for each in configs if isinstance(each, dict)] if isinstance(configs, list) else []
    driver = text_of(item, "Driver")
    return Network(
        name=text_of(item, "Name"),
        id=text_of(item, "Id"),
        driver=driver,
        internal=item.get("Internal") is True,
        subnets=tuple(filter(None, (text_of(pool, "Subnet") for pool in pools))),
        gateways=tuple(filter(None, (text_of(pool, "Gateway").partition("/")[0] for pool in pools))),
        bridge=_bridge_name(item, options) if driver == "bridge" else "",
        parent=_parent(options.get("parent", "")),
        mode=options.get("macvlan_mode", options.get("ipvlan_mode", "")),
        icc=options.get(f"{_OPTION}enable_icc", "true") != "false",
        masquerade=options.get(f"{_OPTION}enable_ip_masquerade", "true") != "false"
        and options.get(f"{_OPTION}gateway_mode_ipv4") != ROUTED,  # Engine 27 and later
        containers={ident: text_of(each, "Name") for ident, each in _dicts(dict_of(item, "Containers"))},
        options=options,
        compose=_compose_network(text_of(item, "Name"), dict_of(item, "Labels")),
    )


def _compose_network(name: str, labels: dict[str, Any]) -> ComposeNetwork | None:
    """By Compose's labels; a network without the one for its key is called ``PROJECT_KEY``."""
    project, key = (text_of(labels, each) for each in COMPOSE_NETWORK_LABELS)
    key = key or name.removeprefix(f"{project}_")
    known = _COMPOSE_NAME.fullmatch(project) and _COMPOSE_NAME.fullmatch(key)
    return ComposeNetwork(project=project, key=key) if known else None


def _parent(name: str) -> str:
    """``""`` for the dummy device that the engine makes where no parent was given (moby getDummyName: ``dm-`` or ``di-`` and the id)."""
    return "" if re.fullmatch(r"d[mi]-[0-9a-f]{12}", name) else name


def _bridge_name(item: dict[str, Any], options: dict[str, str]) -> str:
    """As libnetwork does (drivers/bridge): the option, else ``br-`` and twelve digits of the id; docker0 for the default one."""
    named = options.get(f"{_OPTION}name")
    if named:
        return named
    return "docker0" if text_of(item, "Name") == "bridge" else f"br-{text_of(item, 'Id')[:12]}"
