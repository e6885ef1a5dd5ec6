"""What an experiment is: set up, break, ask, expected. Declarations only; `netprobe_lab.runner` carries them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["works", "fails", "undetermined"]
Protocol = Literal["tcp", "udp", "icmp", "http"]
Transport = Literal["tcp", "udp"]
FirewallName = Literal["ufw", "firewalld", "fail2ban"]

# Addresses that differ from run to run stand in braces in `explain`: `{demo}` is demo's address on its first network.
HIP = "192.168.3.202"  # the host address of server2, where the experiments' target lives


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Run one command on a host; it is split like a shell would, but no shell runs it."""

    host: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """Run one of the host's own commands in a container's network namespace; split like :class:`Run`."""

    host: str
    container: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitPort:
    """Wait until something listens on a port inside a container's network namespace."""

    host: str
    container: str
    port: int
    protocol: Transport = "tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class KillProxy:
    """Kill (SIGKILL) the docker-proxy processes of one published port, those for IPv4 and IPv6."""

    host: str
    port: int
    protocol: Transport = "tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteDnat:
    """Delete the DNAT rule of one published port: found by its content, its number depends on the engine."""

    host: str
    port: int
    protocol: Transport = "tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Restart a host's Docker Engine with these options of daemon.json besides the lab's own; a clean lab has none of them."""

    host: str
    options: tuple[tuple[str, bool | str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """Have a stray TCP segment sent, from now on and once in each connection to a port; the end of the experiment ends it.

    Attributes:
        host, interface: where the connection is watched, and where the segment is sent.
        container: in whose network namespace, empty for the host's own.
        port: the connection's server port there.
        sender: in whose name it is sent.
        ahead: how far beyond the sender's next sequence number, in bytes (conntrack takes about one window for valid).
        after: only once the client has acknowledged so many bytes of the server's.
        reset: a RST instead of data.
    """

    host: str
    interface: str
    port: int
    sender: Literal["client", "server"]
    container: str = ""
    ahead: int = 0
    after: int = 0
    reset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transparent:
    """Have a transparent proxy listen on a TCP port of a host, for whomever connections are; the end of the experiment ends it."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """Make a TLS certificate now, and put it into a container (one that does not run yet, as a rule) as ``/certs/cert.pem`` and ``key.pem``.

    Attributes:
        host, container: whose.
        names: its subjectAltName: DNS names, or ``IP:ADDRESS``.
        begins, ends: from when to when it is valid, in days from now.
        signer: the lab's authority, which the experiments' netprobe trusts; another one that nobody does; or its own key.
    """

    host: str
    container: str
    names: tuple[str, ...]
    begins: int = -10
    ends: int = 300
    signer: Literal["lab", "other", "itself"] = "lab"


@dataclass(frozen=True, slots=True, kw_only=True)
class Firewall:
    """Start a firewall program of the distribution on a host; the next clean-up ends it.

    Attributes:
        host: where.
        program: which; a machine without its package leaves such experiments out.
        files: (path, text) of its configuration, written before that.
    """

    host: str
    program: FirewallName
    files: tuple[tuple[str, str], ...] = ()


Step = Run | Inside | WaitPort | KillProxy | DeleteDnat | Engine | Stray | Transparent | Certified | Firewall


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What the lab cannot make: after the run, the saved text of one state command is changed, and the file is asked again.

    Attributes:
        host, key: whose text, which one (keys of ``HostState``), before and after the probe as a rule.
        pattern, text: as for re.sub(); a pattern that is not found is an error.
        after: change the text after the probe alone.
    """

    host: str
    key: str
    pattern: str
    text: str
    after: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What netprobe must say.

    Attributes:
        verdict: works, fails or undetermined.
        path: the path code at the target's host.
        cause: the cause code, None if there must be none.
        findings: the codes of all findings, in any order; nothing else may be found.
        resolution: how the target's name was looked up, None if any way will do.
        segments: HOST=PATH for each host that forwarded the probe, None if not declared.
        target_sees: the source address that arrives at the target ({…} as in `explain`), None if not declared.
    """

    verdict: Verdict
    path: str
    cause: str | None = None
    findings: tuple[str, ...] = ()
    resolution: str | None = None
    segments: tuple[str, ...] | None = None
    target_sees: str | None = None

    def __str__(self) -> str:
        words = [self.verdict, self.path if self.verdict == "works" else self.cause or self.path]
        return ", ".join([*words, *(f"finding {code}" for code in self.findings)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One connection in one situation.

    Attributes:
        name: unique; also the name of its capture.
        title: one line for `lab list`.
        explain: the arguments after `netprobe explain`.
        expected: what netprobe must say.
        set_up: makes the situation, from a clean lab.
        break_: then breaks it.
        numbers: the experiments of the mission that this one is part of.
        edits: what is changed in the saved evidence, where the lab cannot make the situation (the title says "built by hand").
        near_miss: cause codes that must stay silent here, although only the deciding fact differs from where they fire.
        unlisted: hosts that the inventory does not have when the question is asked.
        engine: the major version of the Docker Engine that it needs, empty for any.
        cure: what a person does whom the report's advice tells to, in place of the first step that is advice alone (else after all commands).
        recorded: by what it was recorded where no lab can run it again, as there is no package: it is replayed alone.
        chance: what netprobe says in the other case, where chance decides what it meets (the embedded DNS server shuffles the addresses
            that it gives): then it is asked again, until it meets what is expected.
        asked_then: the arguments after `netprobe explain` for a cure by dialling otherwise; empty: the same question again.
    """

    name: str
    title: str
    explain: tuple[str, ...]
    expected: Expected
    set_up: tuple[Step, ...]
    break_: tuple[Step, ...] = ()
    numbers: tuple[int, ...] = ()
    edits: tuple[Edit, ...] = ()
    near_miss: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    engine: str = ""
    recorded: str = ""
    chance: Expected | None = None
    cure: tuple[Step, ...] = ()
    asked_then: tuple[str, ...] = ()


def works(path: str, *, resolution: str = "literal", findings: tuple[str, ...] = ()) -> Expected:
    """Declare a connection that works."""
    return Expected(verdict="works", path=path, resolution=resolution, findings=findings)


def fails(cause: str, *, path: str = "none", resolution: str = "literal", findings: tuple[str, ...] = ()) -> Expected:
    """Declare a connection that fails, and why."""
    return Expected(verdict="fails", path=path, cause=cause, resolution=resolution, findings=findings)


def no_name(cause: str) -> Expected:
    """Declare a failed lookup: nothing is dialled then, so no path is taken."""
    return fails(cause, resolution="failed")


def on(host: str, *commands: str) -> tuple[Step, ...]:
    """Return the steps that run these commands on a host, one after the other."""
    return tuple(Run(host=host, command=command) for command in commands)


def lossy(*words: str) -> tuple[Step, ...]:
    """Return the steps that have the bridges of the wires between the hosts drop what matches (nft)."""
    return on(
        "wires",
        "nft add table bridge loss",
        "nft add chain bridge loss wire '{ type filter hook forward priority 0; }'",
        f"nft add rule bridge loss wire {' '.join(words)} drop",
    )


def start(
    name: str, image: str, *, options: str = "", command: str = "", host: str = "server2", port: int | None = None
) -> tuple[Step, ...]:
    """Return the steps that start a container and, given a port, wait until it listens there (TCP)."""
    run = Run(host=host, command=" ".join(f"docker run -d --name {name} {options} {image} {command}".split()))
    return (run,) if port is None else (run, WaitPort(host=host, container=name, port=port))


def settled(container: str, host: str = "server2") -> tuple[Step, ...]:
    """Return the steps that wait until IPv6 addresses of a host and of a container are no longer tentative (RFC 4862 section 5.4)."""
    command = "timeout 120 sh -c 'while ip -6 addr show tentative | grep -q inet6; do sleep 0.05; done'"
    return (Run(host=host, command=command), Inside(host=host, container=container, command=command))


def client(name: str = "client", *, options: str = "", host: str = "server2") -> tuple[Step, ...]:
    """Return the steps that start a container that only waits: the source of a probe."""
    return start(name, "busybox", options=options, command="sleep 1000000", host=host)
