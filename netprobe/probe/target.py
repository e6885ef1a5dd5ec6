"""TARGET and SOURCE as typed: grammar only, nothing is looked up here."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import quote

from netprobe.errors import UsageFault
from netprobe.evidence.model import Proto
from netprobe.state.address import ip
from netprobe.values import dataclass

NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?\Z")
PARTS = re.compile(
    r"(?:\[(?P<six>[^][]*)\]|(?:(?P<project>[^][:/@]+)/(?!(?:tcp|udp)\Z))?(?P<name>[^][:/@]+)(?:@(?P<host>[^][:/@]+))?)(?::(?P<port>[^:/]*))?(?:/(?P<proto>[^/]*))?\Z"
)
URL = re.compile(r"(?P<scheme>https?)://(?P<rest>[^/?#]*)(?P<path>[^#]*)", re.IGNORECASE)
FORM = "([PROJECT/]NAME[@HOST] | IPv4 | [IPv6])[:PORT][/tcp|/udp] or http://… or https://…"
_URL_LETTERS = "%/:?[]@!$&'()*+,;="  # beside letters, digits and -._~: what a path and a query may hold (RFC 3986 section 3.3, 3.4)
_LONE_PORT = re.compile(r":?([0-9]{1,5})(?:/[^/]*)?\Z")
DNS_PORT = 53
PORT_OF = {Proto.HTTP: 80, Proto.HTTPS: 443}
SIZE_LIMIT = {Proto.ICMP: 65507, Proto.HTTP: 1 << 20, Proto.HTTPS: 1 << 20}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target as typed.

    Attributes:
        text: as typed.
        name: the name, ``""`` for an address.
        project: the Compose project named before it, None when there is none.
        host: the host named after ``@``, None when there is none.
        address: the address in text form, None for a name.
        port: None for ICMP.
        proto: what to speak.
        path: the path and query of an HTTP request, as they are sent.
        six: the IP version that was asked for (``-4``, ``-6``): True for IPv6, False for IPv4; None: whichever there is.
    """

    text: str
    name: str = ""
    host: str | None = None
    address: str | None = None
    port: int | None = None
    proto: Proto = Proto.ICMP
    path: str = "/"
    project: str | None = None
    six: bool | None = None

    @property
    def transport(self) -> str:
        """``tcp``, ``udp`` or ``icmp``: what packets of it carry."""
        return self.proto.transport

    @property
    def asked(self) -> str:
        """``web``, ``shop/web``: the name with its project."""
        return self.name if self.project is None else f"{self.project}/{self.name}"

    @property
    def family_said(self) -> str:
        """What is to be said of the IP version that was asked for, where that chose an address; ``""``: nothing."""
        return "" if self.six is None or not self.name else f"IPv{6 if self.six else 4} was asked for"

    def instead(self, name: str) -> str:
        """The same question about another ``NAME@HOST``, as it would be typed."""
        scheme, separator, rest = self.text.partition("://") if "://" in self.text else ("", "", self.text)
        typed = self.asked + (f"@{self.host}" if self.host is not None else "")
        return scheme + separator + rest.replace(typed, name, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source as typed: a host's, container's or service's name, its Compose project, and the host named after ``@``."""

    text: str
    name: str
    host: str | None = None
    project: str | None = None

    @property
    def asked(self) -> str:
        """``web``, ``shop/web``: the name with its project."""
        return self.name if self.project is None else f"{self.project}/{self.name}"


def parse_target(text: str, proto: Proto | None = None) -> Target:
    """Parse TARGET, with ``--proto`` when it was given.

    Raises:
        UsageFault: it is not of that form, its port is out of range, or it contradicts ``--proto``.
    """
    if proto is Proto.DNS:
        return Target(text=text, name=_name(text, text), port=DNS_PORT, proto=Proto.DNS)
    url = URL.match(text)
    if url:
        return _parse_url(text, proto, url)
    if "://" in text:
        raise UsageFault(f"{text}: only http:// and https:// are understood", f"TARGET is {FORM}")
    return _parse(text, text, proto, "/")


def _parse_url(text: str, proto: Proto | None, url: re.Match[str]) -> Target:
    spoken, path = Proto(url["scheme"].lower()), url["path"]
    if proto not in (None, spoken):
        raise UsageFault(f"{text} speaks {spoken}, not {proto}", "leave --proto out")
    if ":" in url["rest"].rpartition("@")[0]:
        raise UsageFault("the URL has a password in it", "leave USER:PASSWORD@ out: netprobe sends no credentials")
    if not path.isprintable() or " " in path:
        raise UsageFault(f"{text}: a URL has no spaces and no control characters", "write %20 for a space")
    return _parse(text, url["rest"], spoken, quote(path if path.startswith("/") else f"/{path}", safe=_URL_LETTERS))


def _parse(text: str, rest: str, proto: Proto | None, path: str) -> Target:
    lone = _LONE_PORT.match(rest)
    if lone is not None:
        raise UsageFault(
            f"{text} is a port and names nobody", f"whose port? For example web:{lone[1]}, or 127.0.0.1:{lone[1]}"
        )
    parts = PARTS.match(rest)
    if parts is None:
        more = "; an IPv6 address is written in brackets, [::1]:80" if ip(rest) is not None else ""
        raise UsageFault(f"{text or 'an empty text'} is not a target{more}", f"TARGET is {FORM}")
    if parts["port"] == "":
        whom = rest.partition(":")[0] if parts["six"] is None else f"[{parts['six']}]"
        raise UsageFault(
            f"{text} has a colon and no port", f"for example {whom}:80; without a port it is a ping: {whom}"
        )
    port = None if parts["port"] is None else parse_port(parts["port"], text)
    spoken = _proto(text, proto, parts["proto"], port)
    if port is None:
        port = PORT_OF.get(spoken)
    project = None if parts["project"] is None else _project(parts["project"], text)
    address = _address(text, parts["six"], parts["name"] or "")
    if address is not None and parts["host"] is not None:
        raise UsageFault(f"{text}: an address has no @HOST", "name the container, or leave @HOST out")
    name = "" if address is not None else _name(parts["name"], text)
    host = None if parts["host"] is None else _name(parts["host"], text)
    if project is not None and address is not None:
        raise UsageFault(f"{text}: an address has no PROJECT/", f"TARGET is {FORM}")
    return Target(text=text, name=name, host=host, address=address, port=port, proto=spoken, path=path, project=project)


def _project(project: str, text: str) -> str:
    if ip(project) is not None or re.fullmatch(r"[0-9.]+", project):
        raise UsageFault(f"{text} is a subnet, not a target", "name one address of it")
    return _name(project, text)


def _address(text: str, six: str | None, four: str) -> str | None:
    value = ip(four if six is None else six)
    if six is not None and (value is None or ":" not in six):
        raise UsageFault(f"{text}: [{six}] is not an IPv6 address", f"TARGET is {FORM}")
    if value is None and re.fullmatch(r"[0-9.]+", four):
        raise UsageFault(f"{text}: {four} is not an IPv4 address", "four numbers from 0 to 255")
    return None if value is None else str(value)


def _name(name: str, text: str) -> str:
    if not NAME.match(name):
        raise UsageFault(f"{text}: {name!r} is not a name", f"TARGET is {FORM}")
    return name


def parse_port(text: str, whole: str) -> int:
    """Parse a port.

    Raises:
        UsageFault: it is no number from 1 to 65535.
    """
    if not (text.isascii() and text.isdigit()):
        raise UsageFault(f"{whole}: port {text!r} is not a number", "a port is a number from 1 to 65535")
    if not 1 <= int(text[:7]) <= 65535:
        raise UsageFault(f"{whole}: port {text!r} is out of range", "a port is a number from 1 to 65535")
    return int(text)


def _proto(text: str, given: Proto | None, suffix: str | None, port: int | None) -> Proto:
    if suffix is not None and suffix not in ("tcp", "udp"):
        raise UsageFault(f"{text}: /{suffix} is not a protocol", "write /tcp or /udp, or use --proto")
    if suffix is not None and port is None and given not in PORT_OF:
        raise UsageFault(f"{text}: {suffix} needs a port", f"for example {text.rpartition('/')[0]}:80/{suffix}")
    spoken = given or (Proto(suffix) if suffix else Proto.ICMP if port is None else Proto.TCP)
    if suffix is not None and spoken.transport != suffix:
        raise UsageFault(f"{text} says {suffix} and --proto says {spoken}", "leave one of them out")
    if spoken in (Proto.TCP, Proto.UDP) and port is None:
        raise UsageFault(f"{text}: {spoken} needs a port", f"for example {text}:80")
    if spoken is Proto.ICMP and port is not None:
        raise UsageFault(f"{text}: ICMP has no ports", "leave the port or --proto icmp out")
    return spoken


def parse_source(text: str) -> Source:
    """Parse SOURCE: ``[PROJECT/]NAME`` or ``[PROJECT/]NAME@HOST``.

    Raises:
        UsageFault: it is not of that form.
    """
    words, at, host = text.partition("@")
    project, slash, name = words.rpartition("/")
    if not NAME.match(name) or (slash and not NAME.match(project)) or (at and not NAME.match(host)):
        form = "SOURCE is a host, a container, a Compose service, PROJECT/SERVICE, or any of the last three with @HOST"
        raise UsageFault(f"{text or 'an empty text'} is not a source", form)
    return Source(text=text, name=name, host=host if at else None, project=project if slash else None)


def check_size(size: int | None, proto: Proto) -> None:
    """Check ``--size`` against what is spoken.

    Raises:
        UsageFault: it is out of range, or this protocol's probe has no payload to size.
    """
    if size is None:
        return
    limit = SIZE_LIMIT.get(proto)
    if limit is None:
        raise UsageFault(f"--size has no meaning for {proto}", "it tests the MTU with http, https or icmp")
    if not 0 <= size <= limit:
        raise UsageFault(f"--size {size} is out of range", f"0 to {limit} bytes for {proto}")


def with_family(target: Target, family: int | None) -> Target:
    """Return the target with the IP version that was asked for: 4, 6, or None for whichever there is.

    Raises:
        UsageFault: there is no such version, or TARGET is an address of the other one.
    """
    if family is None:
        return target
    if family not in (4, 6):
        raise UsageFault(f"there is no IP version {family}", "it is 4 or 6")
    six = family == 6
    if target.address is not None and (":" in target.address) is not six:
        other = 4 if six else 6
        raise UsageFault(
            f"{target.text} is an IPv{other} address, and -{family} asks for IPv{family}", f"leave -{family} out"
        )
    return replace(target, six=six)
