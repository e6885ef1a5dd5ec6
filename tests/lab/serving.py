"""A container that serves, and is waited for: on a busy machine nginx listens a while after its container has started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe_lab.experiments.model import WaitPort
from netprobe_lab.steps import carry_out, on_host

if TYPE_CHECKING:
    from netprobe_lab.layout import Lab


def nginx(lab: Lab, *options: str, name: str = "demo", host: str = "server2") -> None:
    """Start an nginx with these options of `docker run`, and wait until it listens on port 80."""
    on_host(lab, host, ["docker", "run", "-d", "--name", name, *options, "nginx"])
    carry_out(lab, WaitPort(host=host, container=name, port=80))
