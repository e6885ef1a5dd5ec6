"""``--trace`` where bpftrace is installed: the kernel's own reason for each of the probe's packets that it drops.

Tracepoint skb:kfree_skb (Linux 5.17 and later) tells the reason by number; its format file names the numbers of the running kernel.
A tracepoint hears of every network namespace of that kernel, so each line says whose it is; nothing but the probe's packets is written.
Nothing of the host is changed: the kernel detaches the program with its process.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netprobe.evidence.state import CommandOutput
from netprobe.hosts.session import PACKAGES, HostLostError, RemoteError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from netprobe.capture.marked import Form
    from netprobe.hosts.session import Answer, Session

ARGV = ("bpftrace", "-e", "tracepoint:skb:kfree_skb")
BYTES = 1 << 18
READY_SECONDS = 10.0
QUIET_SECONDS = 0.05
STOP_SECONDS = 0.5
PROTOCOLS = {(4, "tcp"): 6, (6, "tcp"): 6, (4, "udp"): 17, (6, "udp"): 17, (4, "icmp"): 1, (6, "icmp"): 58}
ECHOES = {4: (8, 0), 6: (128, 129)}
_ADDRESSES = {
    4: ("ntop(2, *(uint32 *)($ip + 12))", "ntop(2, *(uint32 *)($ip + 16))"),
    6: (
        "ntop(10, ((struct ipv6hdr *)$ip)->saddr.in6_u.u6_addr8)",
        "ntop(10, ((struct ipv6hdr *)$ip)->daddr.in6_u.u6_addr8)",
    ),
}

# bpftrace compiles this for the running kernel, whose own types (BTF) say where a field is. Headers are read byte by byte: that
# is the same in either byte order. There is no BEGIN: a stripped bpftrace does not have it.
_PROGRAM = """\
interval:ms:20 /@ready == 0/ {{ @ready = 1; printf("ready\\n"); }}
tracepoint:skb:kfree_skb {{
  $skb = (struct sk_buff *)args->skbaddr;
  $ip = (uint8 *)($skb->head + $skb->network_header);
  $ns = (uint64)$skb->dev->nd_net.net->ns.inum;
  if ($ns == 0) {{ $ns = (uint64)$skb->sk->__sk_common.skc_net.net->ns.inum; }}
{blocks}}}
"""
_BLOCK = """\
  if ($ip[0] >> 4 == {version} && {header}) {{
    $l4 = $ip + {length};
{numbers}    if ({tests}) {{
      printf("drop %d %u %s {transport} %s %d %s %d %d %s\\n", args->reason, $ns, ksym(args->location),
        {src}, {sport}, {dst}, {dport}, {flags}, $skb->dev->name);
    }}
  }}
"""


def program(forms: Sequence[Form]) -> str:
    """Return the bpftrace program that writes a line a drop of one of these packets; ``""`` for no forms."""
    kinds = dict.fromkeys((form.version, form.transport) for form in forms)
    blocks = [_block([form for form in forms if (form.version, form.transport) == kind]) for kind in kinds]
    return _PROGRAM.format(blocks="".join(blocks)) if blocks else ""


def _block(forms: Sequence[Form]) -> str:
    """The part for one version of IP and one transport: whether it is one of these packets, and its line."""
    version, transport = forms[0].version, forms[0].transport
    protocol, icmp = PROTOCOLS[version, transport], transport == "icmp"
    src, dst = _ADDRESSES[version]
    # behind the first fragment there are no ports; behind IPv6's extension headers they are not looked for
    header = f"$ip[9] == {protocol} && $ip[6] % 32 == 0 && $ip[7] == 0" if version == 4 else f"$ip[6] == {protocol}"
    words = [("$src", 12), ("$dst", 16)] if version == 4 else [*_words("$src", 8), *_words("$dst", 24)]
    ports = [("$id", 4)] if icmp else [("$sport", 0), ("$dport", 2)]
    numbers = [f"    {name} = {_number('$l4', at, 2)};\n" for name, at in ports]
    numbers += [f"    {name} = {_number('$ip', at, 4)};\n" for name, at in words] if not icmp else []
    return _BLOCK.format(
        version=version,
        header=header,
        length="($ip[0] & 15) * 4" if version == 4 else "40",
        numbers="".join(numbers),
        tests=" ||\n        ".join(_test(form) for form in forms),
        transport=transport,
        src=src,
        dst=dst,
        sport="0" if icmp else "$sport",
        dport="0" if icmp else "$dport",
        flags={"tcp": "$l4[13]", "icmp": "$l4[0]"}.get(transport, "0"),
    )


def _words(name: str, at: int) -> list[tuple[str, int]]:
    """The four numbers that an IPv6 address is, and where they stand."""
    return [(f"{name}{word}", at + 4 * word) for word in range(4)]


def _test(form: Form) -> str:
    """The test of one form, of numbers alone."""
    if form.ident is not None:
        kinds = " || ".join(f"$l4[0] == {kind}" for kind in ECHOES[form.version])
        return f"(({kinds}) && $id == {form.ident})"
    tests = [f"{name} == {port}" for name, port in (("$sport", form.sport), ("$dport", form.dport)) if port is not None]
    for name, address in (("$src", form.src), ("$dst", form.dst)):
        if address is not None:
            packed = ipaddress.ip_address(address).packed
            words = [name] if form.version == 4 else [each for each, _ in _words(name, 0)]
            tests += [f"{word} == {int.from_bytes(packed[4 * at : 4 * at + 4])}" for at, word in enumerate(words)]
    return f"({' && '.join(tests)})"


def _number(pointer: str, at: int, size: int) -> str:
    """An expression for a number in network byte order."""
    parts = [f"(uint64){pointer}[{at + place}] * {256 ** (size - 1 - place)}" for place in range(size)]
    return " + ".join(parts)


@dataclass(slots=True)
class Dropping:
    """The listeners of one run: asked early with :meth:`start` (compiling takes a second or more), then :meth:`wait` and :meth:`stop`."""

    sessions: Mapping[str, Session]
    seconds: float
    failed: dict[str, str] = field(default_factory=dict)
    _asked: dict[str, Future[Answer]] = field(default_factory=dict)

    def start(self, text: str) -> None:
        """Start bpftrace with a program on every host, without waiting."""
        if not text:
            self.failed |= dict.fromkeys(
                self.sessions, "the probe's packets cannot be told from others before it is sent"
            )
            return
        self._asked = {
            host: session.submit(
                "watch-drops", program=text, seconds=self.seconds, limit=BYTES, ready_seconds=READY_SECONDS
            )
            for host, session in self.sessions.items()
        }

    def wait(self) -> None:
        """Wait until every host listens or has failed."""
        for host, future in list(self._asked.items()):
            try:
                failed = self.sessions[host].wait(future, READY_SECONDS + 3.0)["failed"]
            except (HostLostError, RemoteError) as error:
                failed = str(error).removeprefix(f"{host}: ")
            if failed is not None:
                del self._asked[host]
                self.failed[host] = _with_package(" ".join(str(failed).split()))

    def stop(self) -> dict[str, CommandOutput]:
        """End every listener; return what each wrote, or why there is nothing."""
        asked = {
            host: self.sessions[host].submit("drops", quiet_seconds=QUIET_SECONDS, seconds=STOP_SECONDS)
            for host in self._asked
        }
        outputs = {host: CommandOutput(argv=ARGV, rc=None, error=why) for host, why in self.failed.items()}
        for host, future in asked.items():
            try:
                outputs[host] = _output(self.sessions[host].wait(future, STOP_SECONDS + 5.0))
            except (HostLostError, RemoteError) as error:
                why = str(error).removeprefix(f"{host}: ")
                outputs[host] = CommandOutput(argv=ARGV, rc=None, error=why)
        return outputs


def _output(answer: Answer) -> CommandOutput:
    """What was written as evidence; what is not whole is kept to be looked at."""
    error = " ".join(str(answer["error"]).split())
    if answer["full"]:
        error = f"more than {BYTES} bytes of drops"
    return CommandOutput(argv=ARGV, rc=None if error else 0, stdout=str(answer["out"]), error=error)


def _with_package(why: str) -> str:
    return f"{why} (package {PACKAGES['bpftrace']})" if "not installed" in why else why
