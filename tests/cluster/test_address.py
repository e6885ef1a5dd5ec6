"""What may stand behind --cluster."""

from __future__ import annotations

import pytest

from netprobe.cluster.address import ClusterAddress, cluster_address
from netprobe.errors import UsageFault


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://10.0.0.1:8786", ClusterAddress(scheduler="tcp://10.0.0.1:8786")),
        ("tls://scheduler.example:8786/", ClusterAddress(scheduler="tls://scheduler.example:8786")),
        ("tcp://[2001:db8::1]:8786", ClusterAddress(scheduler="tcp://[2001:db8::1]:8786")),
        ("local:1", ClusterAddress(local=1)),
        ("local:256", ClusterAddress(local=256)),
    ],
)
def test_addresses(text: str, address: ClusterAddress) -> None:
    assert cluster_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "local",
            "local:",
            "local:0",
            "local:-1",
            "local:257",
            "local:99999999999999999999",
            "local:²",
            "local:2x",
        ),
        *("10.0.0.1:8786", "http://10.0.0.1:8786", "tcp://", "tcp://host", "tcp://a b:1", "tcp://host:1\x1b[31m"),
    ],
)
def test_what_is_no_cluster_is_said(text: str) -> None:
    with pytest.raises(UsageFault, match="is no cluster") as fault:
        cluster_address(text)
    assert "\x1b" not in str(fault.value)
