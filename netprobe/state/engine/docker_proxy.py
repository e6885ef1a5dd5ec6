"""docker-proxy's command line: the Docker Engine's userland proxy.

Source: moby cmd/docker-proxy/main_linux.go (``-proto -host-ip -host-port -container-ip -container-port``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state.address import ip
from netprobe.state.engine.model import Proxy
from netprobe.state.issues import Issues, int_of, load_items, texts_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def parse_proxies(text: str, issues: Issues) -> tuple[Proxy, ...] | None:
    """The JSON list of ``{"pid", "argv"}``; None when the text is no list."""
    items = load_items(text, issues)
    if items is None:
        return None
    found = []
    for number, item in items:
        proxy = _proxy(int_of(item, "pid") or 0, _flags(texts_of(item, "argv")))
        if proxy is None:
            issues.add(number, item, "not docker-proxy's arguments")
        else:
            found.append(proxy)
    return tuple(found)


def _flags(argv: tuple[str, ...]) -> dict[str, str]:
    """Go's flag package: ``-name value``, ``-name=value``, with one dash or two."""
    flags: dict[str, str] = {}
    words = list(argv[1:])
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name.startswith("-"):
            takes_next = not equals and words and not words[0].startswith("-")
            flags[name.lstrip("-")] = words.pop(0) if takes_next else value
    return flags


def _proxy(pid: int, flags: Mapping[str, str]) -> Proxy | None:
    host_port, container_port = flags.get("host-port", ""), flags.get("container-port", "")
    host_ip, container_ip = flags.get("host-ip", ""), flags.get("container-ip", "")
    numbers = all(each.isascii() and each.isdecimal() and len(each) < 6 for each in (host_port, container_port))
    if not numbers or ip(container_ip) is None:
        return None
    return Proxy(
        pid=pid,
        proto=flags.get("proto", "tcp"),
        host_ip=host_ip or "0.0.0.0",  # noqa: S104 - what docker-proxy means by ""
        host_port=int(host_port),
        container_ip=container_ip,
        container_port=int(container_port),
    )
