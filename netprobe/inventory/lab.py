"""Which of the running labs is meant by ``lab``. Pure: a choice among what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.errors import EnvironmentFault, UsageFault
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningLab:
    """A lab that is up.

    Attributes:
        id: what tells it from the others.
        hosts_file: the path of its inventory.
        checkout: where the checkout is that it belongs to, ``""`` unknown.
    """

    id: str
    hosts_file: str
    checkout: str = ""


def choose_lab(labs: Sequence[RunningLab], checkout: str, wanted: str = "") -> RunningLab:
    """Choose a lab: the one called `wanted`, else that of this `checkout`, else the only one.

    Raises:
        EnvironmentFault: no lab is running, or none that is called so.
        UsageFault: there are several, none of them this checkout's.
    """
    found = [lab for lab in labs if not wanted or lab.id == wanted]
    mine = [lab for lab in found if lab.checkout == checkout]
    for choice in (mine, found):
        if len(choice) == 1:
            return choice[0]
    if found:
        named = ", ".join(f"{lab.id} ({lab.hosts_file})" for lab in mine or found)
        raise UsageFault(f"several labs are running: {named}", "choose one with --hosts FILE")
    if not labs:
        raise EnvironmentFault("no lab is running", "netprobe lab up starts one")
    known = ", ".join(lab.id for lab in labs)
    raise EnvironmentFault(f"no lab called {wanted} is running (NETPROBE_LAB); there is {known}", "netprobe lab up")
