"""The hosts of the inventory: a session with each, its engine, and what is known of its state so far."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from netprobe.errors import EnvironmentFault
from netprobe.hosts import collect
from netprobe.hosts.doing import nobody
from netprobe.hosts.opened import Opened
from netprobe.hosts.session import HostLostError, RemoteError, Session
from netprobe.interrupts import whole
from netprobe.inventory.hosts import LOCAL
from netprobe.live import identity
from netprobe.live.host_session import After, HostSession

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from concurrent.futures import Future

    from netprobe.evidence.model import Limit, Place
    from netprobe.evidence.state import HostState
    from netprobe.hosts.doing import Doing
    from netprobe.hosts.session import Answer
    from netprobe.inventory.hosts import Inventory
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host


OF_ENGINE = {"docker-version", "docker-info", "containers", "networks"}


class ContainerEnded(EnvironmentFault):
    """A container has no process any more."""


class HostSessions:
    """All hosts. Use as a context: at its end every session is closed and awaited."""

    def __init__(
        self, inventory: Inventory, life_seconds: float, *, predicts: bool = False, doing: Doing = nobody
    ) -> None:
        self._life = life_seconds
        self._doing = doing
        self._predicts = predicts
        self.by_name = {
            name: HostSession(entry, collect.HostRecord(name), collect.HostRecord(name))
            for name, entry in inventory.hosts.items()
        }
        self._opened = Opened()
        self._pool = ThreadPoolExecutor(max(4, 2 * len(self.by_name)))
        self.aliases = dict(inventory.aliases)
        self._first: list[tuple[HostSession, collect.Asked]] = []
        self._greeted: list[tuple[HostSession, Future[Answer]]] = []
        self._asked_who: dict[str, identity.AskedIdentity] = {}
        self._states: dict[str, tuple[HostState, Host]] = {}
        self._wanted: Collection[str] = ()

    def __enter__(self) -> Self:
        self._opened.__enter__()
        return self

    @whole
    def __exit__(self, *_: object) -> None:
        self.close()

    @whole
    def close(self) -> None:
        """End every session and wait for it."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._opened.close()

    def end_input(self) -> None:
        """Tell every session to end, without waiting."""
        self._opened.end_input()

    def reach(self, named: Collection[str | None] = ()) -> None:
        """Start a session with every host, and ask each for what a plan needs. One that cannot be reached is no error unless it turns out to be needed.

        Where all hosts are of this machine, one without an engine that is not `named` has its session once something leads to it: until
        then another's program enters its namespace.

        Raises:
            EnvironmentFault: a program that reaching a host takes is not installed here, or this is not root.
        """
        self._set_aside()
        apart = any(not known.entry.reach.same_machine for known in self.by_name.values())
        usable = [known for known in self.by_name.values() if not known.host_fault]
        bystanders = [known for known in usable if not apart and known.may_wait(named)]
        for known in usable:
            if known.entry.name not in {each.entry.name for each in bystanders}:
                self._begin(known)
        self._ask_first(bystanders)
        if apart:  # else the inventory told already
            sessions = {name: known.session for name, known in self.by_name.items() if known.session is not None}
            self._asked_who = {name: identity.ask(session) for name, session in sessions.items()}

    def _begin(self, known: HostSession) -> None:
        known.session = Session(known.entry, self._life, self._opened, self._doing)
        self._greeted.append((known, known.session.submit("hello")))

    def _ask_first(self, bystanders: Iterable[HostSession]) -> None:
        """Ask for what a plan needs, of an engine first, which takes longest. What that takes is imported while the programs start."""
        from netprobe.hosts.engine import Engine, has_engine

        carrier = next((each.session for each in self.by_name.values() if each.session and not each.entry.become), None)
        for known in bystanders:
            if carrier is None or has_engine(known.entry):
                self._begin(known)
        for known in self.by_name.values():
            if known.session is not None:
                known.engine = Engine.of(known.entry, known.session)
        for known in self.by_name.values():
            if not known.host_fault:
                self._first.append((known, known.ask_first(carrier)))

    def _set_aside(self) -> None:
        """Without root, this machine's own hosts are of no use; others still are."""
        mine = [known for known in self.by_name.values() if known.entry.reach.same_machine]
        denied = [known for known in mine if os.geteuid() != 0 and not known.entry.become]
        if denied and len(mine) == len(self.by_name):
            raise EnvironmentFault("looking into a host's network needs root", "run it as root: sudo netprobe …")
        for known in denied:
            known.host_fault, known.host_hint = "netprobe is not root here", "run it as root: sudo netprobe …"

    def survey(self, wanted: Collection[str]) -> None:
        """Learn of every host what a plan needs: addresses, routes, containers, networks; all side by side.

        Raises:
            UsageFault: two hosts of the inventory are one machine, or show the containers of one Engine.
        """
        self._wanted = wanted
        jobs = {name: self._pool.submit(known.survey_engine, wanted) for name, known in self.by_name.items()}
        self._receive_first()
        for known, greeting in self._greeted:
            known.check_root(greeting)
        for name, job in jobs.items():
            if not self.by_name[name].host_fault:  # else its engine is asked in vain, through the same session
                job.result()
        self._count_once()

    def _receive_first(self) -> None:
        """Take in what was asked first. A host that another's program could not ask says itself why."""
        asked, self._first = self._first, []
        for known, request in asked:
            request.receive()
            if known.session is None and not known.before.outputs["addr"].ok:
                self._begin(known)
                self._first.append((known, known.ask_first(None)))
        for _, request in self._first:
            request.receive()
        for known in self.by_name.values():
            known.check_reached()

    def _count_once(self) -> None:
        """Leave to the host that the inventory names what ``local`` has in common with it."""
        identities = {name: asked.receive() for name, asked in self._asked_who.items()}
        shared = identity.shared_with_local(self.hosts(), identities)
        if shared is None:
            return
        if shared.machine:
            del self.by_name[LOCAL]
            self.aliases[LOCAL] = shared.name
            return
        local = self.by_name[LOCAL]
        local.engine = None
        local.before.outputs = {key: each for key, each in local.before.outputs.items() if key not in OF_ENGINE}

    def hosts(self) -> Mapping[str, Host]:
        """Return what is known so far of every host, parsed. Unchanged state is not parsed again."""
        return {name: self._host(name, known) for name, known in self.by_name.items()}

    def _host(self, name: str, known: HostSession) -> Host:
        from netprobe.state.build import build_host

        state = known.before.state()
        parsed = self._states.get(name)
        if parsed is None or parsed[0] != state:
            parsed = self._states[name] = (state, build_host(state, parsed[1] if parsed else None))
        return parsed[1]

    def meant(self, name: str) -> str:
        """Return the name under which a host is known here: ``local`` may be a host that the inventory names."""
        return self.aliases.get(name, name)

    def session(self, host: str) -> Session:
        """Return the session with a host that is needed.

        Raises:
            EnvironmentFault: it could not be reached, or lacks what no plan can do without.
        """
        known = self.by_name[host]
        self._lead_to(known)
        addresses = known.before.outputs.get("addr")
        reached = known.session is not None and not known.host_fault
        # Where the host itself was lost, every question's error says why, and that may be another tool: python3.
        if reached and addresses is not None and "not installed" in addresses.error:
            raise EnvironmentFault(f"{host}: {addresses.argv[0]}: not installed", "install the package iproute2 there")
        if known.session is None or known.host_fault:
            raise EnvironmentFault(
                f"{host} cannot be reached: {known.host_fault}",
                known.host_hint or "check its reach = entry in the hosts file",
            )
        return known.session

    def _lead_to(self, known: HostSession) -> None:
        """Start the session of a host that had none yet."""
        if known.session is None and not known.host_fault:
            known.session = Session(known.entry, self._life, self._opened, self._doing)

    def enter(self, place: Place, pid: int) -> None:
        """Hold a container's namespace open under the container's name, and learn its addresses, routes and lookup files.

        Raises:
            ContainerEnded: the container has no process any more.
            EnvironmentFault: its host is lost.
        """
        name = place.container
        known = self.by_name[place.host]
        if name is None or name in known.entered:
            return
        session = self.session(place.host)
        try:
            session.ask("enter", key=name, pid=pid)
        except RemoteError:
            raise ContainerEnded(
                f"{place} ended while netprobe looked at it",
                f"start it: docker start {name}; its log may say why: docker logs {name}",
            ) from None
        except HostLostError as error:
            raise EnvironmentFault(f"{place.host} was lost: {error}", "check the connection to it") from None
        known.entered[name] = pid
        known.rest_unasked.append(name)
        first = collect.ask_namespace(session, known.before, name)
        collect.read_container_files(session, known.before, name, pid)
        first.receive()

    def ask_rest(self, host: str) -> None:
        """Ask a host that is involved for all its state, and that of the namespaces entered there, without waiting for it; of each once."""
        known = self.by_name[host]
        self._lead_to(known)
        if known.session is None or known.host_fault:
            return
        if not known.rest_asked:
            known.rest_asked = True
            known.asked.append(collect.ask_rest(known.session, known.before, predicts=self._predicts))
        names, known.rest_unasked = known.rest_unasked, []
        if names:
            known.asked.append(collect.ask_namespace_rest(known.session, known.before, names, predicts=self._predicts))

    def receive_words(self, hosts: Iterable[str]) -> None:
        """Ask for the rules in nft's own words where nothing will be sent, and wait for them."""
        asked = [
            words
            for known in (self.by_name[host] for host in hosts)
            if known.session is not None
            and (words := collect.ask_words(known.session, known.before, known.before, known.entered)) is not None
        ]
        for each in asked:
            each.receive()

    def learn_proxies(self, host: str) -> None:
        """Wait until it is known which docker-proxies a host runs, whose state was asked for: the capture filter names what they dial."""
        for asked in self.by_name[host].asked:
            asked.receive_other("proxies")

    def receive_rest(self, hosts: Iterable[str]) -> None:
        """Wait for all that was asked of these hosts."""
        for host in hosts:
            known = self.by_name[host]
            for asked in known.asked:
                asked.receive()
            known.asked.clear()

    def ask_at_end(self, hosts: Iterable[str]) -> After:
        """Ask the hosts involved again, without waiting for it, for what can have changed by the end of a probe and does not by late packets."""
        chosen = [self.by_name[host] for host in hosts]
        jobs = tuple(self._pool.submit(known.survey_containers_again, self._wanted) for known in chosen)
        opened = [(known, known.session) for known in chosen if known.session is not None]
        states = tuple(collect.ask_at_end(session, known.after, known.entered) for known, session in opened)
        return After(states=states, containers=jobs)

    def ask_after(self, hosts: Iterable[str]) -> After:
        """The same for what else can have changed, once all is quiet."""
        states = []
        for known in [self.by_name[host] for host in hosts]:
            if known.session is not None:
                states.append(collect.ask_after(known.session, known.after, known.entered))
                words = collect.ask_words(known.session, known.before, known.after, known.entered)
                states += [words] if words is not None else []
        return After(states=tuple(states))

    def container_after(self, place: Place) -> Container | None:
        """Return a container as it is after the probe; None when that is not known."""
        host = self._after(place.host)
        return host.container(place.container) if host is not None and place.container is not None else None

    def lives(self, place: Place) -> bool:
        """Tell whether the process whose namespace was entered under this name is still some container's own (sharing ones too)."""
        host = self._after(place.host)
        pid = self.by_name[place.host].entered.get(place.container or "")
        return host is not None and any(each.pid == pid for each in host.containers or ())

    def _after(self, name: str) -> Host | None:
        """Return a host as it is after the probe, None where its containers were not asked again. What is as before is not parsed again."""
        from netprobe.state.build import build_host

        known = self.by_name[name]
        if "containers" not in known.after.outputs:
            return None
        return build_host(known.after.state(), self._host(name, known))

    def limits(self, hosts: Iterable[str]) -> tuple[Limit, ...]:
        """Name what could not be learnt of the hosts involved."""
        return tuple(dict.fromkeys(limit for host in hosts for limit in self.by_name[host].limits()))

    def raise_faults(self, name: str, host: str | None, looked_up: str = "") -> None:
        """A name was not found: was that because somebody who may know it could not be asked?

        Args:
            name: as it was asked for.
            host: the only host that may have it, None for any.
            looked_up: what looking it up said, ``""`` where that was not tried.

        Raises:
            EnvironmentFault: a host, or the named one, could not be reached, its engine could not be asked, or no engine is there at all.
        """
        unknown = f"{name!r} was not found" + (f" ({looked_up})" if looked_up else "")
        for each, known in self.by_name.items():
            if host not in (None, each):
                continue
            if known.host_fault:
                raise EnvironmentFault(
                    f"{unknown}, and {each} cannot be reached: {known.host_fault}",
                    known.host_hint or "check its reach = entry in the hosts file",
                )
            if known.engine_fault is not None:
                raise EnvironmentFault(f"{unknown}, and on {each} {known.engine_fault}", known.engine_fault.hint)
        self._raise_no_engine(unknown, host)

    def _raise_no_engine(self, unknown: str, host: str | None) -> None:
        """Raise an EnvironmentFault where an engine is looked for at the usual place, and no host at all has one."""
        from netprobe.hosts.engine import none_there

        if any(known.engine is not None for known in self.by_name.values()):
            return
        for each, known in self.by_name.items():
            if host in (None, each) and known.entry.docker == "":
                fault = none_there()
                raise EnvironmentFault(f"{unknown}, and on {each} {fault}", fault.hint)
