"""The experiments: one declaration each, in families. EXPERIMENTS lists them all, in the order of `lab list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe.lab.errors import LabError
from netprobe.lab.experiments.addresses import ADDRESSES
from netprobe.lab.experiments.conntrack import CONNTRACK
from netprobe.lab.experiments.direct import DIRECT
from netprobe.lab.experiments.endpoints import ENDPOINTS
from netprobe.lab.experiments.engine28 import ENGINE_28
from netprobe.lab.experiments.engines import ENGINES
from netprobe.lab.experiments.filters import FILTERS
from netprobe.lab.experiments.firewalls import FIREWALLS
from netprobe.lab.experiments.forwarding import FORWARDING
from netprobe.lab.experiments.link import LINK
from netprobe.lab.experiments.macvlan import MACVLAN
from netprobe.lab.experiments.macvlan_faults import MACVLAN_FAULTS
from netprobe.lab.experiments.names import NAMES
from netprobe.lab.experiments.resolvers import RESOLVERS
from netprobe.lab.experiments.routing import ROUTING
from netprobe.lab.experiments.segments import SEGMENTS
from netprobe.lab.experiments.service import SERVICE
from netprobe.lab.experiments.shared import SHARED
from netprobe.lab.experiments.traced import TRACED
from netprobe.lab.experiments.translation import TRANSLATION
from netprobe.lab.experiments.truth import TRUTH
from netprobe.lab.experiments.versions import VERSIONS

if TYPE_CHECKING:
    from netprobe.lab.experiments.model import Experiment

EXPERIMENTS: Final[tuple[Experiment, ...]] = (
    *NAMES,
    *RESOLVERS,
    *ADDRESSES,
    *ENDPOINTS,
    *SERVICE,
    *VERSIONS,
    *SHARED,
    *ENGINES,
    *FIREWALLS,
    *ENGINE_28,
    *DIRECT,
    *FILTERS,
    *ROUTING,
    *FORWARDING,
    *TRANSLATION,
    *CONNTRACK,
    *LINK,
    *MACVLAN,
    *MACVLAN_FAULTS,
    *SEGMENTS,
    *TRACED,
    *TRUTH,
)


def experiment(name: str) -> Experiment:
    """Return the experiment of that name.

    Raises:
        LabError: there is none.
    """
    for candidate in EXPERIMENTS:
        if candidate.name == name:
            return candidate
    raise LabError(f"no experiment is called {name!r}", "netprobe lab list")
