from __future__ import annotations

import pytest

from netprobe.commands.points import named_points
from netprobe.errors import UsageFault


def test_names_by_file() -> None:
    assert named_points(["server2/eth0=a.pcap", "x=b=c.pcap"], []) == {"a.pcap": "server2/eth0", "b=c.pcap": "x"}


@pytest.mark.parametrize("option", ["a.pcap", "=a.pcap", "eth0=", ""])
def test_what_cannot_be_read(option: str) -> None:
    with pytest.raises(UsageFault, match="cannot read"):
        named_points([option], [])


def test_a_file_given_twice() -> None:
    for options, files in ((["x=a", "y=a"], []), (["x=a"], ["a"])):
        with pytest.raises(UsageFault, match="is given twice"):
            named_points(options, files)
