"""Chapter 2 of the tutorial: the outside reaching a container by a published port. On server2; the truth table's four columns are its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe.model.report import PathCode
from netprobe.report.language import N_
from netprobe_lab.experiments.model import DeleteDnat, KillProxy, Run, client, on, start
from netprobe_lab.experiments.truth import OTHER_NETWORK, ROWS, Row
from netprobe_lab.tour.conditions import AllOf, Failed, Printed, Unchanged, Went
from netprobe_lab.tour.model import Claim, ClaimPart, LookAt, Ruling, TourQuestion, TourStep

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOST: Final = "server2"
# The rows of the truth table as a person says them; the last is the tour's own.
ROW_WORDS: Final[Mapping[str, str]] = {
    "lan": N_("another host → the host's address"),
    "loopback": N_("the host → 127.0.0.1"),
    "own": N_("the host → its own address"),
    "same-bridge": N_("a container of the same bridge → the host's address"),
    "other-bridge": N_("a container of another bridge → the host's address"),
    "same-bridge-direct": N_("a container of the same bridge → the container's address"),
    "other-bridge-direct": N_("a container of another bridge → the container's address"),
    "host-direct": N_("the host → the container's address"),
}
COLUMN_WORDS: Final[Mapping[str, str]] = {
    "normal": N_("normal"),
    "proxy-killed": N_("docker-proxy killed"),
    "dnat-deleted": N_("DNAT rule deleted"),
    "both": N_("both"),
}
_DIRECT: Final = Row(name="host-direct", title="", source=_HOST, address="{demo}", published=False)
TABLE_ROWS: Final = (*ROWS, _DIRECT)
_CURLS: Final = {
    ("loopback", "proxy-killed"): "curl localhost",
    ("own", "proxy-killed"): "curl 192.168.3.202",
    ("lan", "proxy-killed"): "curl 192.168.3.202",
    ("same-bridge-direct", "proxy-killed"): "curl 172.17.0.2",
}
_DNAT, _PROXY, _BRIDGE = (PathCode.DNAT,), (PathCode.DOCKER_PROXY,), (PathCode.BRIDGE,)


def question_name(row: str, column: str) -> str:
    """Return the name of a cell's question."""
    return f"{row}-{column}"


def _column(column: str) -> tuple[TourQuestion, ...]:
    """Return the questions of one column: HTTP requests, as curl sends them."""
    return tuple(
        TourQuestion(
            name=question_name(row.name, column),
            about=ROW_WORDS[row.name],
            target=f"http://{row.address}/",
            source=row.source,
            timeout_s=1.5 if row.name == "other-bridge-direct" else 5.0,
            stands_for=_CURLS.get((row.name, column), ""),
        )
        for row in TABLE_ROWS
    )


def part(row: str, column: str, by: tuple[PathCode, ...], about: str = "") -> ClaimPart:
    """Return the part of a claim that one cell decides."""
    return ClaimPart(about=about or ROW_WORDS[row], condition=Went(question=question_name(row, column), by=by))


_PUBLISH: Final = TourStep(
    name="publish",
    title=N_("A published port"),
    tutorial=("docker run -d --name demo -p 80:80 nginx", "netstat -antlp", "iptables -t nat -nL"),
    note=N_("ss shows what netstat does, and is on every host. Besides demo there are two containers that ask: c1 on the same bridge, c2 on a bridge of its own."),
    actions=(
        *start("demo", "nginx", options="-p 80:80", port=80),
        *start("c1", "busyboxplus", command="sleep 1000000"),
        Run(host=_HOST, command=OTHER_NETWORK),
        *client("c2", options="--network other"),
        LookAt(name="listening", host=_HOST, command="ss -antlp", keep=r":80\s"),
        LookAt(name="nat-rules", host=_HOST, command="iptables -t nat -nL DOCKER", keep="DNAT"),
        *_column("normal"),
    ),
    claims=(
        Claim(
            name="two-ways",
            text=N_("Shown rather than said: with -p 80:80, docker-proxy listens on the host's port 80, and a DNAT rule in the chain DOCKER leads to the container."),
            parts=(
                ClaimPart(
                    about=N_("docker-proxy listens, and carries what is sent to 127.0.0.1"),
                    condition=AllOf(of=(Printed(output="listening", pattern=r":80\s.*docker-proxy"), Went(question="loopback-normal", by=_PROXY))),
                ),
                ClaimPart(
                    about=N_("the DNAT rule is there, and carries what comes from another host"),
                    condition=AllOf(of=(Printed(output="nat-rules", pattern=r"DNAT .*dpt:80 to:\S+:80"), Went(question="lan-normal", by=_DNAT))),
                ),
            ),
            declared=Ruling.HOLDS,
            lesson=N_("Both are there at once. Who asks decides which of them carries a connection."),
        ),
    ),
)  # fmt: skip

_KILL: Final = TourStep(
    name="kill-proxy",
    title=N_("docker-proxy is killed"),
    tutorial=("kill PID-of-docker-proxy", *dict.fromkeys(_CURLS.values())),
    note=N_("netprobe sends the requests of curl itself (HTTP GET), on the host or in the container that the tutorial names, and watches their packets."),
    actions=(KillProxy(host=_HOST, port=80), *_column("proxy-killed")),
    claims=(
        Claim(
            name="proxy-killed",
            text=N_("Without docker-proxy, localhost no longer works, the host's address does; server1 still works; between containers nothing changes."),
            parts=(
                ClaimPart(about=N_("localhost on server2 no longer works"), condition=Failed(question="loopback-proxy-killed", causes=("proxy-dead",))),
                part("own", "proxy-killed", _DNAT, N_("192.168.3.202 on server2 works, by DNAT")),
                part("lan", "proxy-killed", _DNAT, N_("192.168.3.202 from server1 works, by DNAT")),
                ClaimPart(
                    about=N_("between containers, by the container's address: no change"),
                    condition=Unchanged(before="same-bridge-direct-normal", after="same-bridge-direct-proxy-killed"),
                ),
                ClaimPart(
                    about=N_("between containers, by the host's address: no change"),
                    condition=Unchanged(before="same-bridge-normal", after="same-bridge-proxy-killed"),
                ),
            ),
            declared=Ruling.PARTLY,
            lesson=N_(
                "By the container's address nothing changes, as docker-proxy has no part in it. A container that asks for the published port at the host's address does depend on "
                "docker-proxy: the chain DOCKER translates nothing that comes from one of the engine's bridges."
            ),
        ),
    ),
)  # fmt: skip

_UNNATTED: Final = TourStep(
    name="delete-dnat",
    title=N_("A fresh demo, and its DNAT rule is deleted"),
    tutorial=("iptables -t nat -D DOCKER 3",),
    note=N_("The rule's number depends on the engine; it is found by what it does, and deleted by its text."),
    actions=(
        *on(_HOST, "docker rm --force demo"),
        *start("demo", "nginx", options="-p 80:80", port=80),
        DeleteDnat(host=_HOST, port=80),
        LookAt(name="nat-rules-without", host=_HOST, command="iptables -t nat -nL DOCKER", keep="DNAT|Chain"),
        *_column("dnat-deleted"),
    ),
    claims=(
        Claim(
            name="dnat-deleted",
            text=N_("Without the DNAT rule everything still works."),
            parts=tuple(part(row.name, "dnat-deleted", ()) for row in TABLE_ROWS if row.name != "other-bridge-direct"),
            declared=Ruling.HOLDS,
            lesson=N_(
                "It works by docker-proxy now, and something is lost: nginx sees the bridge's gateway, 172.17.0.1, in place of the client's address. What did not work before (from another "
                "bridge to the container's address) does not now."
            ),
        ),
    ),
)  # fmt: skip

_BOTH: Final = TourStep(
    name="both",
    title=N_("docker-proxy is killed as well"),
    note=N_(
        "This is not in the tutorial: what is left when neither is there tells that nothing else carries a published port. The summary needs it."
    ),
    actions=(KillProxy(host=_HOST, port=80), *_column("both")),
)

PUBLISHED: Final = (_PUBLISH, _KILL, _UNNATTED, _BOTH)
