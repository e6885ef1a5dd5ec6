"""The lab's own errors: a lab cannot exist here, or this lab failed."""

from __future__ import annotations

from netprobe.errors import EnvironmentFault


class LabError(EnvironmentFault):
    """The lab, which can exist on this machine, did not do what it should (exit 4)."""


class LabImpossible(LabError):
    """A lab cannot exist here: no root, no namespaces, or no packages to be had (exit 4).

    `make demo` and the lab tests step aside for this one, and only for this one.
    """
