"""Our route look-up against the kernel's, over random routing rules and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from tests.lab.kernel_routes import KernelNamespace, Setup, ours, setups

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXAMPLES = 60


@pytest.fixture(scope="module")
def kernel(possible: None) -> Iterator[KernelNamespace]:
    with KernelNamespace() as found:
        yield found


@settings(max_examples=_EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(setup=setups())
def test_the_kernel_routes_as_we_say(kernel: KernelNamespace, setup: Setup) -> None:
    kernel.clear()
    kernel.batch([*setup.lines], six=setup.six)
    namespace = kernel.namespace()
    for packet in setup.packets:
        possible_ways, why = ours(namespace, packet)
        assert kernel.get(packet) in possible_ways, (packet, why, setup.lines)
        assert why or len(possible_ways) == 1
