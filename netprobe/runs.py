"""Which files are of one run, and their packets: an evidence file stands alone, plain captures are the capture points of one record.

What is small is held in memory as a whole; of what is larger only one connection's packets are taken (:mod:`netprobe.selection`), so that files may
be of any size. A pipe is kept, in memory or a temporary file: its packets are looked at twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.engine import PLAIN_ENGINE, SMALL, engine_for
from netprobe.errors import UsageFault
from netprobe.evidence.files import shown
from netprobe.evidence.recognise import HEAD, OWN_HEAD, is_netprobe, refuse
from netprobe.evidence.stream.source import CaptureFile, KeptFile
from netprobe.evidence.stream.whole import whole
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from netprobe.evidence.model import Evidence
    from netprobe.flows.expression import FlowExpr
    from netprobe.journeys.picked import PickedConnection

    Asked = FlowExpr | PickedConnection | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRun:
    """Files that are explained together.

    Attributes:
        name: what they are called.
        files: their paths.
        points: path -> the point's name, where one was given.
        kept: path -> what it holds, of pipes.
    """

    name: str
    files: tuple[str, ...]
    points: Mapping[str, str]
    kept: Mapping[str, CaptureFile]

    def evidence(self, flow: FlowExpr | None, say: Callable[[str], object]) -> tuple[Evidence, Asked]:
        """Return what is known of the run, and which connection is asked about.

        Args:
            flow: which connection; None: the probe's own, or the only one.
            say: called with a line for the user.

        Raises:
            SeveralFlows, UsageFault: as :func:`netprobe.pipeline.analyze`.
            EvidenceFault: a file cannot be read, or is no capture.
        """
        self._say_order(say)
        small = self.whole(SMALL)
        if small is not None:
            return small, flow
        from netprobe.selection.select import selected

        engine = engine_for(None, say)
        found = selected(lambda: engine.stream(self.files, self.points, self.kept), engine, flow)
        return found.evidence, found.picked

    def whole(self, most: int | None = None) -> Evidence | None:
        """Return all of it; None where that is more than so many bytes, unpacked.

        Raises:
            EvidenceFault: a file cannot be read, or is no capture.
        """
        return whole(PLAIN_ENGINE.stream(self.files, self.points, self.kept), most)

    def _say_order(self, say: Callable[[str], object]) -> None:
        """Say in which order files are read that are one capture."""
        if len(self.files) > 1:
            stream = PLAIN_ENGINE.stream(self.files, self.points, self.kept)
            stream.close()
            for line in stream.ordered():
                say(line)


def runs(files: Sequence[str], points: Mapping[str, str]) -> list[FileRun]:
    """Sort files into runs: each evidence file by itself, the plain captures together, at the first one's place.

    Args:
        files: their paths; ``-`` is standard input.
        points: path -> the point's name, where one was given. A file that is named here alone is read too.

    Raises:
        UsageFault: no file, one twice, or a point's name for an evidence file, which names its own.
        EvidenceFault: a file cannot be read, or is no capture.
    """
    _check_names(files, points)
    paths = list(dict.fromkeys((*files, *points)))
    kept = {path: file for path in paths if (file := _kept(path)) is not None}
    own = {path for path in paths if _is_own(path, kept)} if len(paths) > 1 or points else set()
    for path in own & points.keys():
        raise UsageFault(
            f"--point: {shown(path)} is netprobe's own evidence and names its points itself", "give it without --point"
        )
    plain = tuple(path for path in paths if path not in own)
    together = [(path,) if path in own else plain for path in paths if path in own or path == plain[0]]
    return [
        FileRun(
            name=", ".join(map(shown, each)),
            files=each,
            points={path: points[path] for path in each if path in points},
            kept={path: kept[path] for path in each if path in kept},
        )
        for each in together
    ]


def _kept(path: str) -> KeptFile | None:
    """What a pipe holds; None of a file that can be read again."""
    file = CaptureFile(path)
    try:
        refuse(file.peek(HEAD), file.name)
        return None if file.plain else KeptFile.of_pipe(file)  # opened again, it would be another one
    finally:
        file.close()


def _is_own(path: str, kept: Mapping[str, KeptFile]) -> bool:
    file = kept[path] if path in kept else CaptureFile(path)
    own = is_netprobe(file.peek(OWN_HEAD))
    file.close()
    return own


def _check_names(files: Sequence[str], points: Mapping[str, str]) -> None:
    if not files and not points:
        raise UsageFault("replay: no file given", "give files of netprobe --save, tcpdump -w or Wireshark")
    for file in files:
        if files.count(file) > 1:
            raise UsageFault(f"replay: {file} is given twice", "give each file once")
