"""The experiments: one declaration each, in families. EXPERIMENTS lists them all, in the order of `lab list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe_lab.errors import LabError
from netprobe_lab.experiments.addresses import ADDRESSES
from netprobe_lab.experiments.conntrack import CONNTRACK
from netprobe_lab.experiments.direct import DIRECT
from netprobe_lab.experiments.endpoints import ENDPOINTS
from netprobe_lab.experiments.engine28 import ENGINE_28
from netprobe_lab.experiments.engines import ENGINES
from netprobe_lab.experiments.filters import FILTERS
from netprobe_lab.experiments.firewalls import FIREWALLS
from netprobe_lab.experiments.forwarding import FORWARDING
from netprobe_lab.experiments.link import LINK
from netprobe_lab.experiments.macvlan import MACVLAN
from netprobe_lab.experiments.macvlan_faults import MACVLAN_FAULTS
from netprobe_lab.experiments.names import NAMES
from netprobe_lab.experiments.resolvers import RESOLVERS
from netprobe_lab.experiments.routing import ROUTING
from netprobe_lab.experiments.segments import SEGMENTS
from netprobe_lab.experiments.service import SERVICE
from netprobe_lab.experiments.shared import SHARED
from netprobe_lab.experiments.traced import TRACED
from netprobe_lab.experiments.translation import TRANSLATION
from netprobe_lab.experiments.truth import TRUTH
from netprobe_lab.experiments.versions import VERSIONS

if TYPE_CHECKING:
    from netprobe_lab.experiments.model import Experiment

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
