"""Which of the running labs is meant by ``lab``. Pure: a choice among what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.errors import EnvironmentFault, NetprobeError, UsageFault
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


def hint_of(labs: Sequence[RunningLab], checkout: str, wanted: str = "") -> str:
    """Return what to add to a hint where a host may be a lab's: how many labs run, whose, and how they are asked; ``""``: none runs."""
    if not labs:
        return ""
    try:
        chosen = choose_lab(labs, checkout, wanted)
    except NetprobeError:
        return f"; {len(labs)} labs are running: --hosts FILE asks one, such as {labs[0].hosts_file}"
    others = len(labs) - 1
    beside = f", beside {others} other{'s' if others > 1 else ''}" if others else ""
    if chosen.id == wanted:
        whose = f"the lab {chosen.id} is running"
    elif chosen.checkout == checkout:
        whose = "this checkout's lab is running"
    else:
        whose = f"a lab of {chosen.checkout or 'another checkout'} is running"
    return f"; {whose}{beside}: its hosts are asked with --hosts lab"
