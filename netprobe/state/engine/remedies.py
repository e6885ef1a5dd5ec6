"""What Docker's own commands put right: each step says what it cuts, and what becomes of it at a reboot.

Docker's own rules come back by what makes the engine write them (a restart), never by hand; a container joins and leaves a network by
``docker network connect`` and ``disconnect``, which the engine refuses for the network of the host, none, and another container's namespace.

Source: moby daemon/container_operations.go (connectToNetwork, updateNetworkConfig), libnetwork/network.go (Delete: active endpoints).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.remedy import Remedy, advise, run
from netprobe.state.address import covers
from netprobe.state.engine.compose import (
    in_file,
    kept_address,
    kept_joined,
    kept_left,
    key_of,
    network_again,
    network_labels,
    recreated,
)
from netprobe.state.engine.model import ContainerState
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.model.remedy import Argv
    from netprobe.state.engine.model import Container, Network

_LASTS = "it stays so after a reboot"
_NOT_DEFAULT = frozenset({"bridge", "host", "none"})


def named(*names: str) -> Argv:
    """Names as the last words of a command: behind ``--`` where one looks like an option (the engine lets a network be called ``-rf``)."""
    return ("--", *names) if any(name.startswith("-") for name in names) else names


def aliases_of(container: Container, *networks: str) -> tuple[str, ...]:
    """The names that a container was given on these networks, or on any: without its own name and id, which it has on each."""
    own = {container.name, container.id[:12], container.hostname}
    ends = (container.networks[each] for each in networks or container.networks)
    return tuple(dict.fromkeys(each for end in ends for each in end.aliases if each not in own))


def _as_alias(names: Iterable[str]) -> Argv:
    return tuple(word for name in names for word in ("--alias", name))


def _lasts(kept: str) -> str:
    """How long it holds: Compose makes a container, or a network, anew as its file has it."""
    return f"{_LASTS}; {kept}" if kept else _LASTS


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRemedies:
    """An engine's own commands as steps.

    Attributes:
        program: the engine's command, ``docker``.
        service: its unit of systemd.
    """

    program: str
    service: str

    def restart(self, host: str, container: str) -> Remedy:
        """Restart a container: the engine makes its ports, rules and proxies anew."""
        return run(host, self.program, "restart", container, advice=f"this cuts {container}'s connections; {_LASTS}")

    def restart_engine(self, host: str, containers: Iterable[Container]) -> tuple[Remedy, ...]:
        """Restart the engine, which writes all of its rules anew, and start again the containers that ran (owners of a shared namespace first)."""
        running = [each for each in containers if each.running]
        names = [each.name for each in sorted(running, key=lambda each: bool(each.netns_of))]
        cuts = f"this stops {', '.join(names) or 'no container'} for that time and cuts all connections; {_LASTS}"
        again = (
            (run(host, self.program, "start", *names, advice="those with a restart policy run already"),)
            if names
            else ()
        )
        return (run(host, "systemctl", "restart", self.service, advice=cuts), *again)

    def joins(self, container: Container, network: Network | None) -> bool:
        """Whether the engine lets a container join a network: not the host's or none's, and not from such a namespace or another container's."""
        mode = container.network_mode
        apart = mode in {"host", "none"} or mode.startswith("container:") or bool(container.netns_of)
        return network is not None and network.driver not in {"host", "null"} and not apart

    def connect(
        self,
        host: str,
        network: Network,
        container: Container,
        *,
        address: str = "",
        aliases: tuple[str, ...] = (),
        back: bool = False,
    ) -> Remedy:
        """Have a container join a network, or come ``back`` to one that it left; advice where the engine refuses that."""
        if not self.joins(container, network):
            instead = recreated(
                container, f"on network {network.name}", f"networks: [{key_of(container, network)}] and no network_mode"
            )
            return advise(host, f"{instead}: with --network {container.network_mode} it can join no other")
        options = (*_as_alias(aliases), *(("--ip", address) if address else ()))
        kept = kept_address(container, network, address) if back and address else kept_joined(container, network)
        lasts = _lasts("" if back and not address else kept)
        opens = f"this opens {container.name} to all of {network.name}, and the other way round; {lasts}"
        joined = named(network.name, container.name)
        return run(host, self.program, "network", "connect", *options, *joined, advice=opens)

    def disconnect(self, host: str, network: Network, container: Container, *, back: bool = False) -> Remedy:
        """Have a container leave a network; ``back``: the next step has it come back."""
        lasts = _lasts("" if back else kept_left(container, network))
        cuts = f"this cuts {container.name}'s connections by {network.name}; {lasts}"
        left = named(network.name, container.name)
        return run(host, self.program, "network", "disconnect", *left, advice=cuts)

    def recreate(
        self,
        host: str,
        network: Network,
        containers: Iterable[Container],
        *,
        subnet: str = "",
        gateway: str = "",
        **options: str,
    ) -> tuple[Remedy, ...]:
        """Make a network again in another way: its containers leave it and come back, with their names there, and their addresses where the subnet stays.

        Advice where that cannot be: the engine's own networks, more than one subnet, IPv6.
        """
        if network.name in _NOT_DEFAULT or len(network.subnets) != 1 or ":" in network.subnets[0]:
            wanted = [
                *((f"--subnet {subnet}",) if subnet else ()),
                *(f"-o {name}={value}" for name, value in options.items()),
            ]
            return (
                advise(host, f"make {network.name} again with {' '.join(wanted)}, once its containers have left it"),
            )
        kept = tuple(each for each in containers if network.name in each.networks)
        given = {name: value for name, value in network.options.items() if name != "parent" or network.parent}
        values = {**given, **options}
        words = ["--subnet", subnet or network.subnets[0]]
        at = gateway or ("" if subnet else next(iter(network.gateways), ""))
        words += ["--gateway", at] if at else []
        words += ["--internal"] if network.internal and not options.get("parent") else []
        words += [word for name, value in values.items() if value for word in ("-o", f"{name}={value}")]
        names = ", ".join(each.name for each in kept)
        cuts = f"this cuts the connections of {names} by {network.name}; " if names else ""
        commands: list[Argv] = [
            (self.program, "network", "disconnect", "--force", *named(network.name, each.name)) for each in kept
        ]
        commands += [(self.program, "network", "rm", *named(network.name))]
        made = (*words, *network_labels(network), *named(network.name))
        commands += [(self.program, "network", "create", "-d", network.driver, *made)]
        for each in kept:
            own = each.networks[network.name].address
            same = ("--ip", own) if own and not subnet and covers(network.subnets[0], own) else ()
            called = _as_alias(aliases_of(each, network.name))
            commands.append((self.program, "network", "connect", *called, *same, *named(network.name, each.name)))
        lasts = _lasts(network_again(network, options, subnet, gateway))
        return (Remedy(host=host, commands=tuple(commands), advice=f"{cuts}{lasts}"),)

    def start(self, host: str, container: Container, owner: Container | None = None) -> tuple[Remedy, ...]:
        """Start a container that ended (first the owner of the namespace that it shares); advice where it is in a restart loop, or dead."""
        logs = f"{self.program} logs {container.name} says why it ended"
        fresh = container.state is ContainerState.CREATED
        if container.state not in {ContainerState.EXITED, ContainerState.CREATED, ContainerState.UNKNOWN}:
            return (advise(host, f"{logs}; it is {container.state.value}, so a start alone does not help"),)
        names = (*((owner.name,) if owner is not None and not owner.running else ()), container.name)
        kept = in_file(container, "restart: unless-stopped")
        policy = f"{self.program} update --restart unless-stopped {container.name}{f' ({kept})' if kept else ''}"
        lasting = f"{'it was made and never started' if fresh else logs}; after a reboot it is started by a restart policy alone: {policy}"
        return (run(host, self.program, "start", *names, advice=lasting),)

    def stop(self, host: str, container: str, advice: str) -> Remedy:
        """Stop a container."""
        return run(host, self.program, "stop", container, advice=advice)

    def unpause(self, host: str, container: str) -> Remedy:
        """Let a paused container go on."""
        return run(host, self.program, "unpause", container, advice="its processes go on where they stood")

    def create(self, host: str, network: str) -> Remedy:
        """Make a bridge network of one's own."""
        return run(host, self.program, "network", "create", *named(network))

    def inside(self, host: str, container: str, *argv: str, advice: str) -> Remedy:
        """Run a command in a container."""
        return run(host, self.program, "exec", container, *argv, advice=advice)
