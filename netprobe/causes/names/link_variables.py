"""The variables that ``--link`` writes: with an address that the other container no longer has, or not there at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.causes.base import NO_SOCKET, Cause
from netprobe.causes.names.kept import ANSWERED_OTHERWISE, GOOD, asker, not_reached, who_has
from netprobe.causes.remedies.steps import restarted
from netprobe.causes.routing.routes import LOST
from netprobe.causes.service.endpoint import AppNotListening
from netprobe.causes.service.publish import PortClosed
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.state.address import same
from netprobe.state.lookup import container_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host

_ADDR = re.compile(r"(?P<alias>.+)_PORT_(?P<port>\d+)_(?P<proto>TCP|UDP)_ADDR")


def _linked(host: Host, source: Container) -> Iterator[tuple[Container, str]]:
    """The containers that a container was linked to, with their aliases."""
    for other, alias in source.links:
        found = host.container(other)
        if found is not None:
            yield found, alias


def _upper(alias: str) -> str:
    return alias.upper().replace("-", "_")


def _about(case: Case, host: Host, other: Container) -> bool:
    """Whether the question is about this container."""
    target, there = case.target, case.target_host
    return target is not None and there is not None and there.name == host.name and target.id == other.id


class LinkEnvStale(Cause):
    """A linked container's variables name an address that the other container no longer has.

    What it is: ``--link`` wrote the address into environment variables when the client started; /etc/hosts is rewritten when the other
        container comes back with another address, a running process's environment is not.
    Why it happens: the other container was stopped, and another one took its address before it started again.
    Evidence: the variable, the address that the name has now, and who has the old one; where the old one was dialled: who answered.
    Remedy: use the name; restart the client, so that the engine computes its variables again.
    Source: moby#9891; moby daemon/links.go, daemon/container_operations_unix.go (setupLinkedContainers).
    """

    code = "link-env-stale"
    reads = ("containers",)
    tells = "docker exec CONTAINER env, beside the container's /etc/hosts"
    drop_reasons = NO_SOCKET
    note = True
    explains = LOST | ANSWERED_OTHERWISE
    symptoms = GOOD | explains
    needs = ("containers",)
    instead_of = frozenset({AppNotListening, PortClosed})

    def find(self, case: Case) -> Finding | None:
        """Fires when such a variable differs from every address of the running container, and the question is about either."""
        here, probe = asker(case), case.probe
        if here is None or probe is None:
            return None
        host, source = here
        after = case.after(host.name)
        for other, alias in _linked(host, source):
            later = after.container(other.name) if after else None
            old, name = self._stale(source, other, alias, probe.dialled_port)
            if not old or later is None or later.addresses != other.addresses:
                continue
            dialled = same(probe.dialled or "", old)
            if case.story.good and (dialled or _about(case, host, other)):
                return self._finding(host, source, other, (name, old), "", Confidence.CERTAIN)
            shown = not_reached(case, old) if dialled and not case.story.good else ""
            if shown:
                alone = Confidence.CERTAIN if container_with(host, old) is None else Confidence.LIKELY
                return self._finding(host, source, other, (name, old), shown, alone)
        return None

    @staticmethod
    def _stale(source: Container, other: Container, alias: str, port: int | None) -> tuple[str, str]:
        """The address that a variable names and the other container does not have, with the variable; that for the dialled port first."""
        if not other.running or not other.addresses:
            return "", ""
        found = []
        for name, value in source.link_env.items():
            match = _ADDR.fullmatch(name)
            if match and match["alias"] == _upper(alias) and not any(same(value, each) for each in other.addresses):
                found.append((int(match["port"]) != (port or 0), value, name))
        return min(found)[1:] if found else ("", "")

    def _finding(
        self, host: Host, source: Container, other: Container, stale: tuple[str, str], shown: str, sure: Confidence
    ) -> Finding:
        name, old = stale
        now = ", ".join(other.addresses)
        return Finding(
            code=self.code,
            summary=f"{source.name}'s variable {name} still says {old}; {other.name} has {now}, and {who_has(host, old)}",
            where=Where(host=host.name, component=source.name),
            evidence=tuple(
                filter(
                    None,
                    (
                        shown,
                        f"environment of {source.name}: {name}={old}",
                        f"docker: {other.name} has {now}; {who_has(host, old)}",
                    ),
                )
            ),
            remedies=(
                *restarted(host, source),
                advise(host.name, f"or let its application use the name {other.name}, which follows"),
            ),
            confidence=sure,
        )

    def possible(self, case: Case) -> bool:
        """Only from a container with link variables."""
        here = asker(case)
        return here is not None and bool(here[1].link_env)


class LinkEnvAbsent(Cause):
    """The engine sets no link variables any more: an application that reads them finds none.

    What it is: from Engine 29 on ``--link`` on the default bridge writes /etc/hosts as before, and no ``ALIAS_PORT_*`` variables.
    Why it happens: an upgrade of the engine; the variables were deprecated in 28.4.
    Evidence: the engine's version, the link, and the environment of the container's first process without any of them.
    Remedy: use the name; for the time being DOCKER_KEEP_DEPRECATED_LEGACY_LINKS_ENV_VARS=1 in the engine's own environment.
    Source: moby#50719; docker/cli docs/deprecated.md, "Legacy links environment variables".
    """

    code = "link-env-absent"
    tells = "docker exec CONTAINER env"
    note = True
    symptoms = GOOD
    FIRST = 29

    def find(self, case: Case) -> Finding | None:
        """Fires when the question is about a container that the source was linked to, and the source's environment, which was read, has no variable of it."""
        here = asker(case)
        major = _major(here[0].engine_version) if here else None
        if here is None or major is None or major < self.FIRST or not here[1].link_env_known:
            return None
        host, source = here
        for other, alias in _linked(host, source):
            there = any(name.startswith(f"{_upper(alias)}_") for name in source.link_env)
            if not there and other.running and _about(case, host, other):
                return self._finding(host, source, other, alias)
        return None

    def _finding(self, host: Host, source: Container, other: Container, alias: str) -> Finding:
        prefix = _upper(alias)
        return Finding(
            code=self.code,
            summary=f"{source.name} is linked to {other.name}, and Engine {host.engine_version} sets no {prefix}_PORT_* variables for it any more",
            where=Where(host=host.name, component=source.name),
            evidence=(
                f"docker: {source.name} has --link {other.name}:{alias}; Engine {host.engine_version}",
                f"environment of {source.name}: no variable {prefix}_*",
            ),
            remedies=(
                advise(host.name, f"let the application in {source.name} use the name {alias} (port {_ports(other)})"),
                advise(
                    host.name,
                    f"or, up to Engine 29: DOCKER_KEEP_DEPRECATED_LEGACY_LINKS_ENV_VARS=1 in the environment of dockerd, then docker restart {source.name}",
                ),
            ),
        )


def _major(version: str | None) -> int | None:
    number = (version or "").partition(".")[0]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 4 else None


def _ports(container: Container) -> str:
    return ", ".join(str(port) for port, _ in container.exposed) or "of its application"
