"""The Python interface: ``netprobe.explain`` and ``netprobe.replay``. The command line is a shell around it.

What is heavy is imported inside the functions, so that ``import netprobe`` and a mistake in a question cost next to nothing.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.errors import EnvironmentFault, NetprobeError, UsageFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from netprobe.diff.model import Comparison, RunSide
    from netprobe.evidence.model import Evidence
    from netprobe.flows.expression import FlowExpr
    from netprobe.journeys.picked import PickedConnection
    from netprobe.live import Question
    from netprobe.live.saving import Destination
    from netprobe.model.details import Details
    from netprobe.model.report import Report

    AnyPath = str | os.PathLike[str]
    Keep = Callable[[str, Evidence], object]
    InDetail = Callable[[Report, Details], object]


def _nothing(*_: object) -> None:
    """Take no notice."""


def explain(
    target: str,
    *,
    source: str | None = None,
    proto: str | None = None,
    size: int | None = None,
    timeout_s: float = 5.0,
    hosts: AnyPath | None = None,
    predict: bool = False,
    fail: bool = False,
    trace: bool = False,
    family: int | None = None,
    save: AnyPath | None = None,
    force: bool = False,
    progress: Callable[[str], None] = _nothing,
    doing: Callable[[str, str], object] = _nothing,
    meanwhile: Callable[[], None] = _nothing,
    keep: Keep = _nothing,
    detail: InDetail | None = None,
    say: Callable[[str], object] = _nothing,
) -> Report:
    """Probe a target, watch every place that the probe passes, and say what happened and why, as ``netprobe explain`` does.

    Args:
        target: ``[PROJECT/]NAME[@HOST][:PORT][/tcp|/udp]``, an address in place of the name, ``http://…`` or ``https://…``; without a port an ICMP echo.
        source: who asks: a host, a container, a Compose service, ``PROJECT/SERVICE``, or ``NAME@HOST``. None: this machine, ``local``.
        proto: ``tcp``, ``udp``, ``icmp``, ``http``, ``https`` or ``dns``. None: as the target says.
        size: payload in bytes (``http``, ``https``, ``icmp``).
        timeout_s: the bound on name lookup and probe together, in seconds: more than 0, at most 120.
        hosts: the inventory's file, or ``"lab"``. None: ``$NETPROBE_HOSTS``, else the user's own file, else this machine alone.
        predict: send nothing, and say what would happen by the hosts' state.
        fail: take an HTTP status of 400 and above for a failure.
        trace: have the kernel trace the probe's packets: a temporary nft table on the hosts while it runs.
        family: the IP version of the probe and of the name lookup, 4 or 6. None: IPv4 where there is one, else IPv6.
        save: a file for the evidence (pcapng, mode 0600), at the end with comments as of ``netprobe annotate``; a new one, unless ``force``.
        force: let ``save`` overwrite a file that exists.
        progress: called with the name of each step that begins.
        doing: called with a host and what is done there, as it is asked for, from any thread.
        say: called with a line for the user, where there is something to say beside.
        meanwhile: called once, in a thread of its own, while the probe waits for an answer.
        keep: called with the target and all that was observed, before that is explained.
        detail: called with the report and what a page shows beside it, which is worked out for this alone.

    Raises:
        UsageFault, EnvironmentFault: it cannot be asked, by whose fault (a connection that fails is a report). What was captured is saved (the fault's ``saved`` is the file), as at a KeyboardInterrupt.
    """
    to = _destination(save, force=force)
    question = _question(target, source, proto, size, timeout_s, predict=predict, fail=fail, trace=trace, family=family)
    done = partial(_explained_in_file, target, to=to, keep=keep, detail=detail, say=say)
    return _observed(question, hosts, to, progress, doing, meanwhile, done)


def containers_of(
    target: str,
    *,
    source: str | None = None,
    proto: str | None = None,
    hosts: AnyPath | None = None,
) -> tuple[str, ...]:
    """Return the targets that ask each container of a Compose service, for :func:`explain`; ``(target,)`` where it is no service of several.

    ``explain --all`` asks them one after the other. Arguments and exceptions are those of :func:`explain`.
    """
    from netprobe.live import containers_of as found

    question = _question(target, source, proto, None, 5.0, predict=True, fail=False, trace=False, family=None)
    return found(question, hosts_file=None if hosts is None else os.fspath(hosts))


def _explained(
    name: str,
    evidence: Evidence,
    *,
    keep: Keep,
    detail: InDetail | None,
    flow: FlowExpr | PickedConnection | None = None,
) -> Report:
    from netprobe.model.report import SHOWN_BY
    from netprobe.pipeline import analyze, analyze_in_detail

    SHOWN_BY[:] = [_in_a_notebook]
    keep(name, evidence)
    if detail is None:
        return analyze(evidence, flow)
    report, details = analyze_in_detail(evidence, flow)
    detail(report, details)
    return report


def _explained_in_file(
    name: str,
    evidence: Evidence,
    *,
    to: Destination | None,
    keep: Keep,
    detail: InDetail | None,
    say: Callable[[str], object],
) -> Report:
    """The same, and the saved evidence tells it, too: the file is replaced as a whole, or stays as it is."""
    if to is None:
        return _explained(name, evidence, keep=keep, detail=detail)
    told: list[tuple[Report, Details]] = []

    def both(report: Report, details: Details) -> None:
        told.append((report, details))
        if detail is not None:
            detail(report, details)

    report = _explained(name, evidence, keep=keep, detail=both)
    try:
        if to.file.is_file():  # what is a pipe has it already
            from netprobe.annotating import annotated

            replace(to, force=True).write(annotated(to.file.read_bytes(), evidence, *told[-1]))
    except (OSError, EnvironmentFault) as fault:
        why = fault.message if isinstance(fault, EnvironmentFault) else str(fault)
        say(f"the evidence is saved without comments for Wireshark: {why}")
    return report


def _in_a_notebook(report: Report) -> str:
    from netprobe.report.html.fragment import fragment
    from netprobe.report.text import lay_out

    return fragment(lay_out(report))


def _destination(save: AnyPath | None, *, force: bool) -> Destination | None:
    if save is None:
        if force:
            raise UsageFault(
                "--force without --save has nothing to overwrite", "give --save FILE, or leave --force out"
            )
        return None
    from netprobe.live.saving import destination

    return destination(Path(save), force=force)


def _question(
    target: str,
    source: str | None,
    proto: str | None,
    size: int | None,
    timeout_s: float,
    *,
    predict: bool,
    fail: bool,
    trace: bool,
    family: int | None,
) -> Question:
    from netprobe.evidence.model import Proto
    from netprobe.live import Question

    if proto is not None and proto not in set(Proto):
        raise UsageFault(f"there is no protocol {proto!r}", f"--proto is one of {', '.join(Proto)}")
    return Question(
        target=target,
        source=source,
        proto=None if proto is None else Proto(proto),
        size=size,
        timeout_s=timeout_s,
        predict=predict,
        fail=fail,
        trace=trace,
        family=family,
    )


def _observed(
    question: Question,
    hosts: AnyPath | None,
    to: Destination | None,
    progress: Callable[[str], None],
    doing: Callable[[str, str], object],
    meanwhile: Callable[[], None],
    then: Callable[[Evidence], Report],
) -> Report:
    """Return what `then` makes of the evidence, which is saved where it is to be before.

    What a failed run captured is saved; a file that is there already stays when that is nothing.
    """
    from netprobe.pipeline import prepare

    def import_the_rest() -> None:
        if not question.predict:
            import netprobe.engine
            import netprobe.evidence.writer
        if to is not None:
            import netprobe.annotating  # noqa: F401
        prepare(predict=question.predict)
        meanwhile()

    file = None if hosts is None else os.fspath(hosts)
    try:
        if question.predict:
            return _unsent(question, file, to, progress, doing, import_the_rest, then)
        return _probed(question, file, to, progress, doing, import_the_rest, then)
    except (NetprobeError, KeyboardInterrupt) as fault:
        rest: bytes | None = getattr(fault, "evidence", None)
        if rest is not None and to is not None:
            to.write(rest)
            vars(fault)["saved"] = to.file
        raise


def _probed(
    question: Question,
    hosts: str | None,
    to: Destination | None,
    progress: Callable[[str], None],
    doing: Callable[[str, str], object],
    meanwhile: Callable[[], None],
    then: Callable[[Evidence], Report],
) -> Report:
    """Take the evidence as its file tells it: packets in time order, with Wireshark's numbers."""
    from netprobe.live import observe

    def finished(data: bytes) -> Report:
        if to is not None:
            to.write(data)
        from netprobe.engine import engine_for

        return then(engine_for(len(data), _nothing).read(data))

    return observe(question, hosts_file=hosts, progress=progress, doing=doing, meanwhile=meanwhile, then=finished)


def _unsent(
    question: Question,
    hosts: str | None,
    to: Destination | None,
    progress: Callable[[str], None],
    doing: Callable[[str, str], object],
    meanwhile: Callable[[], None],
    then: Callable[[Evidence], Report],
) -> Report:
    from netprobe.live import read_state

    def finished(evidence: Evidence) -> Report:
        if to is not None:
            from netprobe.evidence.writer import write

            to.write(write(evidence))
        return then(evidence)

    return read_state(question, hosts_file=hosts, progress=progress, doing=doing, meanwhile=meanwhile, then=finished)


def replay(
    *files: AnyPath, points: Mapping[str, str] | None = None, flow: str | None = None, keep: Keep = _nothing
) -> Report:
    """Explain saved evidence again, or captures of tcpdump and Wireshark, as ``netprobe replay`` does. Needs no root and no network.

    >>> import netprobe
    >>> report = netprobe.replay("captures/docker-user-drop.pcapng")
    >>> report.verdict.value, report.cause.code, report.cause.where.rule
    ('fails', 'docker-user-drop', '-A DOCKER-USER -s 192.168.3.0/24 -j DROP')

    Args:
        files: one file that ``save`` wrote; or plain pcap and pcapng files, which together are the capture points of one connection. ``-`` is
            standard input.
        points: where plain captures were taken: file -> ``HOST/INTERFACE`` or ``HOST/CONTAINER/INTERFACE``; without that, as the file says,
            else the file's name. A file that is named here alone is read too.
        flow: which connection of captures from elsewhere: ``SRC:PORT>DST:PORT/PROTO`` or part of it, such as ``:80``; ``#3``: the third listed;
            ``@12.5``: what began (else was under way) 12.5 s after the first packet.
        keep: called with what the files are called and what was taken of them (of large captures the connection's packets), before that is explained.

    Raises:
        UsageFault: no file, several that are not one connection's evidence, or no connection that ``flow`` asks for.
        SeveralFlows: several connections, and ``flow`` does not single one out; its ``flows`` are they.
        EvidenceFault: a file cannot be read, or is no capture.
    """
    reports = replay_each(*files, points=points, flow=flow, keep=keep)
    if len(reports) > 1:
        raise UsageFault(
            f"the files are the evidence of {len(reports)} runs", "give one by one, or all of them to replay_each"
        )
    return reports[0]


def replay_each(
    *files: AnyPath,
    points: Mapping[str, str] | None = None,
    flow: str | None = None,
    keep: Keep = _nothing,
    detail: InDetail | None = None,
    say: Callable[[str], object] = _nothing,
) -> list[Report]:
    """Explain several runs: one report for each file that ``save`` wrote, and one for all plain captures together, at the first one's place.

    Arguments and exceptions are those of :func:`replay`, ``detail`` is that of :func:`explain`; ``say`` is called with a line for the user, where
    there is something to say beside.
    """
    from netprobe.flows.expression import FlowExpr
    from netprobe.runs import runs

    wanted = None if flow is None else FlowExpr.parse(flow)
    named = {os.fspath(file): name for file, name in (points or {}).items()}
    reports = []
    for run in runs([os.fspath(file) for file in files], named):
        evidence, asked = run.evidence(wanted, say)
        reports.append(_explained(run.name, evidence, keep=keep, detail=detail, flow=asked))
    return reports


def compare(
    good: AnyPath, bad: AnyPath, *, flow: str | None = None, say: Callable[[str], object] = _nothing
) -> Comparison:
    """Compare two saved runs of one question, as ``netprobe diff`` does: where their journeys part, and what of the hosts' state bears on that.

    >>> import netprobe
    >>> found = netprobe.compare("captures/demo.pcapng", "captures/container-stopped.pcapng")
    >>> found.outcome.value, found.parting.common, found.decides[0].difference.bad
    ('differs', 'server2/eth0', 'demo: exited (code 0)')

    Args:
        good: one file that ``save`` wrote, or a capture.
        bad: the other one.
        flow: which connection of captures from elsewhere, as in :func:`replay`.
        say: called with a line for the user, where there is something to say beside.

    Raises:
        UsageFault: they are of different questions, or no connection is the one that ``flow`` asks for.
        SeveralFlows: a capture has several connections, and ``flow`` does not single one out.
        EvidenceFault: a file cannot be read, or is no capture.
    """
    from netprobe.diff.compare import compare as compared

    return compared(*(saved_run(os.fspath(file), flow, say) for file in (good, bad)))


def compare_runs(good: RunSide, bad: Evidence) -> Comparison:
    """Compare a run with one that was saved (:func:`saved_run`), as ``explain --against`` does. Raises as :func:`compare`."""
    from netprobe.diff.compare import compare as compared
    from netprobe.pipeline import side_of

    return compared(good, side_of(bad))


def saved_run(file: str, flow: str | None = None, say: Callable[[str], object] = _nothing) -> RunSide:
    """Read a saved run, explained, to be compared with others. Arguments and exceptions are those of :func:`compare`."""
    from netprobe.flows.expression import FlowExpr
    from netprobe.pipeline import side_of
    from netprobe.runs import runs

    (run,) = runs([file], {})
    return side_of(*run.evidence(None if flow is None else FlowExpr.parse(flow), say))


def read_flows(
    *files: AnyPath,
    points: Mapping[str, str] | None = None,
    where: str | None = None,
    verdicts: bool = True,
    merge: bool = False,
    idle_s: float | None = None,
    cluster: str | None = None,
    state: AnyPath | None = None,
) -> pd.DataFrame:
    """Read the flows of captures of any size as a pandas table: a row a flow and capture point, as ``netprobe flows`` prints it for programs.

    >>> import netprobe
    >>> flows = netprobe.read_flows("captures/truth-http-lan-normal.pcapng", where="proto == 'tcp'")
    >>> print(flows[["point", "server", "server_port", "path", "verdict", "packets"]].iloc[::2].head(2).to_string())
                 point         server  server_port  path verdict  packets
    0     server1/eth0  192.168.3.202           80  dnat   works       10
    2  server2/docker0     172.17.0.2           80  dnat   works       10

    Columns and units: ``netprobe schema flows``. Whole numbers are ``int64``, or ``Int64`` where a flow may lack them; durations ``float64`` seconds; times
    ``datetime64[ns, UTC]``; yes and no ``bool``; ``point``, ``proto``, ``path``, ``verdict``, ``why``, ``ended``, ``state``, ``anomaly`` ``category``; else text.

    Args:
        files: pcap, pcapng, compressed or not, or one evidence file; ``-`` is standard input.
        points: where captures were taken: file -> ``HOST/INTERFACE`` or ``HOST/CONTAINER/INTERFACE``. A file that is named here alone is read too.
        where: only rows for which this holds, as ``DataFrame.query`` has it; columns, operators and literals.
        verdicts: join all points' flows into connections and judge these; without, ``connection``, ``path``, ``verdict`` … are empty, and it is quicker.
        merge: one flow for all packets of the same ends, as tshark's conversations are.
        idle_s: the silence that ends a flow, in seconds; None: 300 for TCP, else 60.
        cluster: ``tcp://HOST:PORT`` of a Dask scheduler whose workers read the files, or ``local:N`` processes that are started for this.
        state: an evidence file with the state of the hosts, for what packets leave open of a way; None: what the file itself has of it.

    Raises:
        UsageFault: the condition or the cluster's address cannot be read.
        EvidenceFault: no file, or one that cannot be read, or is no capture, or (``state``) has no state.
        EnvironmentFault: the cluster cannot be reached, or is of another version.
    """
    from netprobe.flowtable.choose import RowChoice, rows_of
    from netprobe.flowtable.fields import NAMES
    from netprobe.flowtable.options import options
    from netprobe.flowtable.where.parse import parse
    from netprobe.report.flows.frame import frame
    from netprobe.tabulate import state_of, tabulate

    if where is not None:
        parse(where, NAMES)
    named, paths = {os.fspath(file): name for file, name in (points or {}).items()}, [os.fspath(file) for file in files]
    track, hosts = options(merge=merge, idle_s=idle_s), None if state is None else state_of(os.fspath(state))
    table = tabulate(paths, named, options=track, verdicts=verdicts, cluster=cluster, hosts=hosts)
    return frame(table, rows_of(table, RowChoice(where=where)))
