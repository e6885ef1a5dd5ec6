"""A report, and what a test says of it. An assertion that fails shows the report as ``netprobe replay`` prints it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from netprobe.model.report import PathCode, Verdict
from netprobe.values import dataclass

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from netprobe.model.report import Report
    from netprobe.testing.snapshot import Snapshots

    AnyPath = str | os.PathLike[str]


class ExplainCapture(Protocol):
    """The type of the fixture ``explain_capture``."""

    def __call__(self, *files: AnyPath, points: Mapping[str, str] | None = None, flow: str | None = None) -> Explained:
        """Replay files; see :func:`netprobe.replay`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What a capture was explained as.

    Attributes:
        report: the report, with everything that its JSON has.
        snapshots: where the test's snapshots are; None outside pytest.
    """

    report: Report
    snapshots: Snapshots | None = None

    def assert_works(self, *, path: str | None = None) -> Explained:
        """:func:`assert_works` of the report; returns this, so that more can be asked."""
        __tracebackhide__ = True
        assert_works(self.report, path=path)
        return self

    def assert_fails(self, *, cause: str | None = None, rule: str | None = None) -> Explained:
        """:func:`assert_fails` of the report; returns this, so that more can be asked."""
        __tracebackhide__ = True
        assert_fails(self.report, cause=cause, rule=rule)
        return self

    def assert_snapshot(self, name: str | None = None) -> Explained:
        """Hold what the report comes to (verdict, path, hops, cause, rule, findings; no times, no sentences) against the snapshot that the test keeps.

        It is written by ``pytest --netprobe-update``, as ``snapshots/FILE/TEST.json`` beside the test's file.

        Args:
            name: of the snapshot, where a test has several.

        Raises:
            AssertionError: it differs, and how; or there is none yet.
        """
        __tracebackhide__ = True
        if self.snapshots is None:
            raise TypeError("snapshots are kept for what the fixture explain_capture returned")
        self.snapshots.hold(self.report, name)
        return self


def assert_works(report: Report, *, path: str | None = None) -> None:
    """Assert that a connection works.

    Args:
        report: of :func:`netprobe.replay`, :func:`netprobe.explain`.
        path: by which path, such as ``dnat`` or ``docker-proxy`` (:class:`~netprobe.model.report.PathCode`); any where it is not given.

    Raises:
        AssertionError: it does not, or by another path.
        ValueError: there is no such path.
    """
    __tracebackhide__ = True
    if path is not None:
        _known(path, list(PathCode), "path")
    if report.verdict is not Verdict.WORKS:
        raise AssertionError(_shown(report, "should work", report.verdict.value))
    if path is not None and report.path.value != path:
        raise AssertionError(_shown(report, f"should work by the path {path}", f"path: {report.path.value}"))


def assert_fails(report: Report, *, cause: str | None = None, rule: str | None = None) -> None:
    """Assert that a connection fails.

    Args:
        report: of :func:`netprobe.replay`, :func:`netprobe.explain`.
        cause: by which cause, such as ``docker-user-drop`` (``netprobe causes`` lists them); any, also none that is proved, where it is not given.
        rule: a part of the text of the rule that the cause names, such as ``-s 192.0.2.0/24``.

    Raises:
        AssertionError: it works, is undetermined, or fails for another reason.
        ValueError: there is no such cause.
    """
    __tracebackhide__ = True
    if cause is not None:
        from netprobe.causes.catalogue import codes

        _known(cause, codes(), "cause")
    found = report.cause
    if report.verdict is not Verdict.FAILS:
        raise AssertionError(_shown(report, "should fail", report.verdict.value))
    if cause is not None and (found is None or found.code != cause):
        raise AssertionError(
            _shown(report, f"should fail by {cause}", f"cause: {found.code if found else 'none is proved'}")
        )
    if rule is not None and (found is None or rule not in (found.where.rule or "")):
        told = found.where.rule if found is not None else None
        raise AssertionError(_shown(report, f"should fail by a rule with {rule!r}", f"rule: {told or 'none'}"))


def _known(name: str, names: Iterable[str], what: str) -> None:
    """A name that there is not can only be a mistake of the test."""
    every = [str(each) for each in names]
    if name in every:
        return
    from netprobe.errors import did_you_mean

    hint = did_you_mean(name, every, most=1) or f"there are {', '.join(sorted(every))}"
    raise ValueError(f"there is no {what} {name!r}; {hint}")


def _shown(report: Report, wanted: str, found: str) -> str:
    from netprobe.report.escape import visible
    from netprobe.report.text import asked_words, render

    return (
        f"{visible(asked_words(report))} {visible(wanted)}; {visible(found)}\n\n{render(replace(report, timing_ms={}))}"
    )
