"""``tabulate(files) -> FlowTable``: captures of any size to a flow table, chunk by chunk, and what its connections came to.

Packets are walked, decoded and tracked in machine code where there is some (:mod:`netprobe.compiled`), else by numpy; the rows are the same.
"""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Kind
from netprobe.decode.unread import unreadable
from netprobe.engine import PLAIN_ENGINE, engine_for, size_of
from netprobe.errors import EvidenceFault
from netprobe.flowtable.options import options as usual
from netprobe.flowtable.series import Addresses, Codes, Numbers
from netprobe.flowtable.table import FlowTable, Verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from netprobe.correlate.alone import ToldAlone
    from netprobe.correlate.joined import Joined
    from netprobe.correlate.judge import Judged
    from netprobe.evidence.model import CapturePoint, Limit
    from netprobe.evidence.state import HostState
    from netprobe.evidence.stream.source import CaptureFile
    from netprobe.flowtable.blocks import TableRows
    from netprobe.flowtable.options import TrackOptions
    from netprobe.state.model import Host

    Progress = Callable[[int, int | None], object]
    Say = Callable[[str], object]

_CLOCK = "how far its clock is off is not known: of what others saw too no two packets agree; it was taken for right"
JOINING = 0.7
"""The share of the time for verdicts that flows are joined in."""


def _nothing(*_: object) -> None:
    """Take no notice."""


def tabulate(
    files: Sequence[str],
    points: Mapping[str, str],
    *,
    options: TrackOptions | None = None,
    verdicts: bool = True,
    cluster: str | None = None,
    hosts: Mapping[str, Host] | None = None,
    kept: Mapping[str, CaptureFile] | None = None,
    progress: Progress = _nothing,
    judging: Progress = _nothing,
    say: Say = _nothing,
) -> FlowTable:
    """Return the flows of all files, in order of their first packets.

    Args:
        files: captures, or one evidence file; ``-`` is standard input.
        points: path -> the point's name, where one was given; a file that is named here alone is read too.
        options: what ends a flow; None: as usual.
        verdicts: whether the flows of all points are joined into connections and these are judged.
        cluster: ``tcp://HOST:PORT`` of a Dask scheduler whose workers read the files, or ``local:N`` processes; None: this one reads them.
        hosts: the state of the hosts (:func:`state_of`); None: that which the file has with it, if it is an evidence file.
        kept: path -> what it holds, of pipes that were read already; read by this process only.
        progress: called now and then with how many bytes were read, and of how many (None: a pipe).
        judging: called now and then, behind that, with how many flows were joined and judged, and of how many: what took that much of the time.
        say: called with a line for the user.

    Raises:
        UsageFault: ``cluster`` is no address of one.
        EvidenceFault: no file, one twice, or one that cannot be read or is no capture.
        EnvironmentFault: the cluster cannot be reached, or has no workers of this version.
    """
    every = (*files, *(each for each in points if each not in files))
    if cluster is None:
        meanwhile = _import_judging if verdicts else _nothing
        rows, found, limits, states = _here(every, points, options or usual(), progress, say, meanwhile, kept)
        alone = None
    else:
        from netprobe.cluster.gather import gathered

        _say_order(every, points, say)
        there = gathered(cluster, every, points, options or usual(), progress, say, judged=verdicts and not hosts)
        alone = there.alone
        rows, found, limits, states = there.rows, there.points, there.limits, there.states
    limits = (*limits, *unreadable(found))
    if not verdicts:
        return FlowTable(rows=rows, points=found, limits=limits)
    return _judged(rows, found, limits, _hosts(states) if hosts is None else hosts, judging, alone)


def _import_judging() -> None:
    """Import what :func:`_judged` takes: a tenth of a second."""
    import netprobe.correlate.join
    import netprobe.correlate.judge  # noqa: F401


def _judged(
    rows: TableRows,
    points: tuple[CapturePoint, ...],
    limits: tuple[Limit, ...],
    hosts: Mapping[str, Host],
    judging: Progress,
    alone: ToldAlone | None,
) -> FlowTable:
    """The rows with their connections and what is said of these."""
    # Imported here: a third of what a small file costs.
    from netprobe.correlate.join import join
    from netprobe.correlate.judge import judge
    from netprobe.evidence.model import Limit, LimitKind

    def watch(share: float) -> None:
        judging(int(share * len(rows)), len(rows))

    joined = join(rows, points, lambda share: watch(JOINING * share))
    judged = judge(rows, joined, points, limits, hosts, lambda share: watch(JOINING + (1 - JOINING) * share), alone)
    said = _said(rows, joined, judged)
    limits = (*limits, *(Limit(kind=LimitKind.POINT, subject=each, why=_CLOCK) for each in joined.unsure))
    return FlowTable(
        rows=rows, points=points, limits=limits, connection=joined.connection, verdicts=said, order=joined.order
    )


def _here(
    files: Sequence[str],
    points: Mapping[str, str],
    options: TrackOptions,
    progress: Progress,
    say: Say,
    meanwhile: Callable[[], object],
    kept: Mapping[str, CaptureFile] | None,
) -> tuple[TableRows, tuple[CapturePoint, ...], tuple[Limit, ...], tuple[HostState, ...]]:
    """Rows, points, what is missing, and what evidence has of its hosts, by this process; machine code leaves time for something else."""
    engine = engine_for(size_of(files), say)
    stream = engine.stream(files, points, kept)
    for line in stream.ordered():
        say(line)
    if engine.compiled:
        Thread(target=meanwhile, daemon=True).start()
    rows = engine.track(stream.chunks(), stream.points, options, lambda: progress(stream.done, stream.size))
    return rows, tuple(stream.points), tuple(stream.limits), tuple(stream.notes.before.values())


def _say_order(files: Sequence[str], points: Mapping[str, str], say: Say) -> None:
    """Say in which order files are read that are one capture, where others read them. What is wrong with them, they say."""
    if len(files) < 2 or size_of(files) is None:
        return
    stream = PLAIN_ENGINE.stream(files, points)
    stream.close()
    for line in stream.ordered():
        say(line)


def state_of(file: str) -> Mapping[str, Host]:
    """Read the state of the hosts that an evidence file has (``explain --save``, ``explain --predict --save``).

    Args:
        file: its name; ``-`` is standard input.

    Raises:
        EvidenceFault: it cannot be read, or has no state.
    """
    hosts = _hosts(engine_for(size_of([file]), _nothing).beside_packets(file).before)
    if not hosts:
        raise EvidenceFault(f"{file} has no state of a host", "netprobe explain TARGET --predict --save FILE makes one")
    return hosts


def _hosts(states: Collection[HostState]) -> Mapping[str, Host]:
    """What was recorded of hosts, by their names."""
    if not states:
        return {}
    from netprobe.state.build import build_host

    return {state.host: build_host(state) for state in states}


def _said(rows: TableRows, joined: Joined, judged: Judged) -> Verdicts:
    """What the flow table says of the connections."""
    from netprobe.correlate.reasons import UNSUCCESSFUL, VERDICTS, Reason
    from netprobe.correlate.ways import PATHS

    reasons = tuple(Reason)
    last = np.where(judged.ended >= 0, judged.ended, joined.first_row)
    side = np.where(joined.turned[last], 0, 1)
    port = np.where(rows["kind"][last] == Kind.ICMP, -1, rows["port"][last, side])
    return Verdicts(
        path=Codes(codes=judged.path.astype(np.int64), names=PATHS),
        verdict=Codes(codes=judged.verdict.astype(np.int64), names=tuple(each.value for each in VERDICTS)),
        why=Codes(codes=judged.reason.astype(np.int64) - 1, names=tuple(each.code for each in reasons[1:])),
        said=tuple(each.phrase for each in reasons[1:]),
        failed=np.isin(judged.reason, [*UNSUCCESSFUL]),
        ended=np.where(judged.ended >= 0, rows["point"][last], -1).astype(np.int64),
        reached=Addresses(version=rows["version"][last], hi=rows["hi"][last, side], lo=rows["lo"][last, side]),
        reached_port=port.astype(np.int64),
        outer=Numbers(values=np.where(joined.outer_of < 0, -1, joined.outer_of + 1)),
    )
