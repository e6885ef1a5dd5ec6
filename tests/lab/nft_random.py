"""Random rulesets of nftables around one packet: half of what is asked fits it, so that rules match and miss alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab import nft_kernel as k

if TYPE_CHECKING:
    from random import Random

_HOOKS = {
    "prerouting": ("raw", "mangle", "-10"),
    "forward": ("mangle", "filter", "10"),
    "postrouting": ("mangle", "110"),
}
_LOCAL = {"prerouting": ("raw", "mangle"), "input": ("mangle", "filter", "10"), "output": ("raw", "mangle", "filter")}


class Maker:
    """One ruleset and one packet."""

    def __init__(self, random: Random) -> None:
        self.r = random
        self.six = random.random() < 0.3
        self.proto = random.choice(("tcp", "tcp", "udp", "icmp"))
        local = random.random() < 0.25
        ends = (k.CLIENT6, k.NEAR6, k.SERVER6, k.OTHER6) if self.six else (k.CLIENT, k.NEAR, k.SERVER, k.OTHER)
        self.src, router, self.server, self.other = ends
        self.dst = router if local else self.server
        self.hooks = _LOCAL if local else _HOOKS
        ports = self.proto != "icmp"
        self.sent = k.Sent(
            proto=self.proto, dst=self.dst, sport=random.randint(30000, 60000) if ports else None,
            dport=random.choice((80, 443, 8080, 22, 53)) if ports else None,
        )  # fmt: skip
        self.sets: list[str] = []
        self.dnat = not local and random.random() < 0.3
        self.marks = [0]
        self.family = random.choice(("inet", "inet", "ip6" if self.six else "ip"))

    # -- constants --------------------------------------------------------------------------------------------------

    def yes(self) -> bool:
        return self.r.random() < 0.5

    @property
    def ip(self) -> str:
        return "ip6" if self.six else "ip"

    def address(self, right: str) -> str:
        """An address, a network or a range; it holds ``right`` in half of the cases."""
        base = (
            right
            if self.yes()
            else self.r.choice((self.src, self.dst, self.other, "2001:db8::9" if self.six else "192.0.2.9"))
        )
        kind = self.r.randrange(4)
        if kind == 0:
            return base
        if self.six:
            return (
                f"{base.rpartition('::')[0]}::/64"
                if kind < 3
                else f"{base.rpartition('::')[0]}::1-{base.rpartition('::')[0]}::f"
            )
        head = base.rpartition(".")[0]
        return f"{head}.0/24" if kind == 1 else f"{head}.0-{head}.{self.r.randint(2, 9)}" if kind == 2 else base

    def port(self, right: int) -> str:
        base = right if self.yes() else self.r.choice((80, 443, 8080, 22, 53, 1))
        return self.r.choice((str(base), f"{max(1, base - 5)}-{base + 5}", str(base)))

    def several(self, make: object, *args: object) -> str:
        """An anonymous set of constants that do not overlap."""
        return "{ " + str(make(*args)) + " }"  # type: ignore[operator]

    def op(self) -> str:
        return self.r.choice(("", "", "!= "))

    # -- matches ----------------------------------------------------------------------------------------------------

    def match(self, hook: str) -> str:
        choices = [
            self._address,
            self._protocol,
            self._meta,
            self._mark,
            self._interface,
            self._set,
            self._raw,
            self._fib,
        ]
        if self.proto != "icmp":
            choices += [self._port, self._port, self._concat]
        else:
            choices += [self._icmp, self._icmp]
        if self.proto == "tcp":
            choices += [self._flags]
        choices += [self._ct, self._ct]
        return self.r.choice(choices)(hook)

    def _address(self, _: str) -> str:
        side, right = self.r.choice((("saddr", self.src), ("daddr", self.dst)))
        if self.r.random() < 0.15:
            mask, value = ("ffff::f", f"{right}") if self.six else ("255.0.0.255", right)
            parts = right.split(".")
            wanted = f"{parts[0]}.0.0.{parts[3]}" if not self.six else f"{right.partition(':')[0]}::{right[-1]}"
            return f"{self.ip} {side} & {mask} {self.r.choice(('==', '!='))} {wanted if self.yes() else value}"
        body = self.address(right)
        if self.yes():
            return f"{self.ip} {side} {self.op()}{body}"
        extra = "2001:db8:1::/48" if self.six else "198.51.100.0/24"
        return f"{self.ip} {side} {self.op()}{{ {body}, {extra} }}"

    def _port(self, _: str) -> str:
        side, right = self.r.choice(
            (("sport", self.sent.sport), ("dport", self.sent.dport), ("dport", self.sent.dport))
        )
        proto = self.r.choice((self.proto, self.proto, "th"))
        shape = self.r.randrange(4)
        if shape == 0:
            return f"{proto} {side} {self.op()}{{ {self.port(right or 0)}, 9000-9100 }}"
        if shape == 1:
            return f"{proto} {side} {self.r.choice(('<', '<=', '>='))} {(right or 0) + self.r.choice((-1, 0, 1))}"
        return f"{proto} {side} {self.op()}{self.port(right or 0)}"

    def _icmp(self, _: str) -> str:
        header = "icmpv6" if self.six else "icmp"
        kinds = ("echo-request", "echo-reply", "destination-unreachable")
        return self.r.choice(
            (
                f"{header} type {self.op()}{self.r.choice(kinds)}",
                f"{header} type {{ {', '.join(self.r.sample(kinds, 2))} }}",
                f"{header} code {self.r.choice((0, 1, 3))}",
            )
        )

    def _protocol(self, _: str) -> str:
        names = ("tcp", "udp", "icmp", "ipv6-icmp", "sctp")
        field = self.r.choice(("meta l4proto", "ip6 nexthdr" if self.six else "ip protocol"))
        if self.yes():
            return f"{field} {{ {', '.join(self.r.sample(names, 2))} }}"
        return f"{field} {self.op()}{self.r.choice(names)}"

    def _meta(self, hook: str) -> str:
        return self.r.choice(
            (
                *([f"meta nfproto {self.op()}{self.r.choice(('ipv4', 'ipv6'))}"] if self.family == "inet" else []),
                # Before a header's field nft 1.0.6 leaves it out of its listing, also where it contradicts the table's family.
                *([f"meta protocol {self.op()}{self.r.choice(('ip', 'ip6'))}"] if self.family == "inet" else []),
                f"meta pkttype {self.op()}{self.r.choice(('host', 'broadcast', 'multicast'))}",
                "meta pkttype { host, multicast }",
                f"meta length {self.r.choice(('<', '>'))} {self.r.choice((20, 1000)) if self.proto == 'tcp' else 20}",
                f"{'ip6 hoplimit' if self.six else 'ip ttl'} {self.r.choice(('<', '>', '<=', '!='))} {self.r.choice((1, 62, 63, 64))}",
                f"{self.ip} dscp {self.op()}{self.r.choice(('cs0', 'cs1', 'ef'))}",
                f"meta skuid {self.op()}0",
                "meta iiftype ether" if hook != "output" else "meta oiftype ether",
                *(["exthdr frag exists"] if self.six else []),
            )
        )

    def _mark(self, _: str) -> str:
        mark = self.r.choice(self.marks)
        value = mark if self.yes() else self.r.choice((1, 5, 0x10))
        mask = self.r.choice((0xFF, 0xF0, 0x1))
        field = self.r.choice(("meta mark", "ct mark"))
        return self.r.choice(
            (
                f"{field} {self.op()}{value}",
                f"{field} & {mask} {self.r.choice(('==', '!='))} {value & mask}",
                f"{field} {{ {value}, 0x100-0x200 }}",
                f"{field} {self.r.choice(('<', '>='))} {value}",
            )
        )

    def _interface(self, hook: str) -> str:
        key = self.r.choice(
            {
                "prerouting": ("iif",),
                "input": ("iif",),
                "output": ("oif",),
                "forward": ("iif", "oif"),
                "postrouting": ("iif", "oif"),
            }[hook]
        )
        suffix = self.r.choice(("", "name"))
        names = ["r0", "r1", "lo"] + (["r*", "e*"] if suffix else [])
        if self.yes():
            two = ", ".join(f'"{each}"' for each in self.r.sample(["r0", "r1", "lo"], 2))
            return f"{key}{suffix} {{ {two} }}"
        return f'{key}{suffix} {self.op()}"{self.r.choice(names)}"'

    def _flags(self, _: str) -> str:
        return self.r.choice(
            (
                "tcp flags syn",
                "tcp flags ack",
                "tcp flags != syn",
                "tcp flags == syn",
                "tcp flags & (syn|ack) == syn",
                "tcp flags & (fin|syn|rst|ack) != syn",
                "tcp flags & (fin|syn) == (fin|syn)",
                "tcp flags { syn, ack }",
                "tcp flags syn,ack",
                "tcp flags ! fin,rst",
            )
        )

    def _ct(self, hook: str) -> str:
        if self.yes():
            states = ("new", "established", "related", "invalid", "untracked")
            return self.r.choice(
                (
                    f"ct state {','.join(self.r.sample(states, 2))}",
                    f"ct state {{ {', '.join(self.r.sample(states, 2))} }}",
                    f"ct state ! {self.r.choice(states)}",
                    f"ct state != {self.r.choice(states)}",
                    f"ct direction {self.r.choice(('original', 'reply'))}",
                    f"ct status {self.op()}{self.r.choice(('dnat', 'snat', 'seen-reply', 'assured', 'confirmed'))}",
                    "ct status & (dnat|snat) == 0" if self.yes() else "ct status dnat,snat",
                    "ct zone 0",
                )
            )
        version, way = self.ip, self.r.choice(("original", "reply"))
        ends = {
            ("original", "saddr"): self.src,
            ("original", "daddr"): self.dst,
            ("reply", "saddr"): self.dst,
            ("reply", "daddr"): self.src,
        }
        if self.proto == "icmp" or self.yes():
            side = self.r.choice(("saddr", "daddr"))
            return f"ct {way} {version} {side} {self.op()}{self.address(ends[way, side])}"
        ports = {
            ("original", "src"): self.sent.sport,
            ("original", "dst"): self.sent.dport,
            ("reply", "src"): self.sent.dport,
            ("reply", "dst"): self.sent.sport,
        }
        side = self.r.choice(("src", "dst"))
        return f"meta l4proto {self.proto} ct {way} proto-{side} {self.port(ports[way, side] or 0)}"

    def _raw(self, _: str) -> str:
        if self.six:
            return self.r.choice(("@nh,48,8 6", "@nh,0,4 6", "@nh,48,8 17", "@nh,48,8 58"))
        numbers = [int(each) for each in self.dst.split(".")]
        word = int.from_bytes(bytes(numbers), "big")
        options = [
            f"@nh,128,32 {word if self.yes() else 1}",
            "@nh,128,32 & 0xff000000 == 0x0a000000",
            f"@nh,72,8 {self.r.choice((6, 17, 1))}",
        ]
        if self.proto != "icmp":
            options += [f"@th,16,16 {self.sent.dport if self.yes() else 7}", f"@th,16,16 {{ {self.sent.dport}, 99 }}"]
        return self.r.choice(options)

    def _fib(self, hook: str) -> str:
        options = [
            f"fib daddr type {self.op()}{self.r.choice(('local', 'unicast', 'broadcast'))}",
            f"fib saddr type {self.op()}{self.r.choice(('local', 'unicast'))}",
            "fib daddr type { local, multicast }",
        ]
        if hook in {"prerouting", "input", "forward"}:
            options += [
                f"fib saddr . iif oif {self.r.choice(('missing', 'exists'))}",
                "fib daddr oif exists",
                'fib daddr oifname "r1"',
            ]
        if hook == "prerouting":
            options += ["fib daddr . iif type local", "fib saddr . mark . iif oif missing"]
        return self.r.choice(options)

    def _named(self, kind: str, elements: str, *, verdicts: bool = False) -> str:
        name = f"s{len(self.sets)}"
        word = "map" if verdicts else "set"
        flags = " flags interval;" if any(mark in elements for mark in ("/", "-", "*")) and kind != "mark" else ""
        self.sets.append(
            f"{word} {name} {{ type {kind}{' : verdict' if verdicts else ''};{flags} elements = {{ {elements} }}\n }}"
        )
        return f"@{name}"

    def _set(self, hook: str) -> str:
        side, right = self.r.choice((("saddr", self.src), ("daddr", self.dst)))
        extra = ("2001:db8:2::5", "2001:db8:3::/48") if self.six else ("203.0.113.5", "203.0.114.0/24")
        shape = self.r.randrange(4)
        if shape == 0 and hook != "postrouting":
            names = self.r.choice(('"r0", "x1"', '"e*", "lo"', '"r*"'))
            return f"iifname {self._named('ifname', names)}"
        if shape == 1:
            return f"meta mark {self._named('mark', f'{self.r.choice(self.marks)}, 0x77')}"
        name = self._named("ipv6_addr" if self.six else "ipv4_addr", ", ".join((self.address(right), *extra)))
        return f"{self.ip} {side} {self.op()}{name}"

    def _concat(self, _: str) -> str:
        side, right = self.r.choice((("saddr", self.src), ("daddr", self.dst)))
        port = self.sent.dport or 0
        kind = "ipv6_addr" if self.six else "ipv4_addr"
        where = "2001:db8:5::/48" if self.six else "203.0.113.0/24"
        first = f"{self.address(right)} . {self.port(port)}"
        if self.yes():
            return f"{self.ip} {side} . {self.proto} dport {self.op()}{self._named(f'{kind} . inet_service', f'{first}, {where} . 5000-6000')}"
        protocols = f"meta l4proto . th dport {{ {self.r.choice(('tcp', 'udp'))} . {self.port(port)}, 132 . 1-5 }}"
        return self.r.choice((f"{self.ip} {side} . {self.proto} dport {{ {first} }}", protocols))

    # -- statements -------------------------------------------------------------------------------------------------

    def setting(self) -> str:
        value = self.r.choice((1, 5, 0x10, 0xFF))
        self.marks.append(value)
        field, other = self.r.choice((("meta mark", "ct mark"), ("ct mark", "meta mark"), ("meta mark", "meta mark")))
        return self.r.choice(
            (
                f"{field} set {value}",
                f"{field} set {other}",
                f"{field} set {other} & {value}",
                f"{field} set {other} | {value}",
                f"{field} set {other} ^ {value}",
                f"meta mark set meta mark << {self.r.randint(1, 4)}",
                f"meta mark set {self.ip} saddr map {{ {self.src} : {value} }}",
                f"meta mark set {self.ip} saddr map {{ {self.other} : {value} }}",
                f"{'ip6' if self.six else 'ip'} dscp set cs1",
            )
        )

    def verdict(self, hook: str, depth: int, jumps: list[str]) -> str:
        choices = ["accept", "drop", "", "", "", "", "continue", "return", self.setting(), self.setting()]
        if depth < 2:
            choices += [f"{self.r.choice(('jump', 'goto'))} {each}" for each in jumps]
            choices += [self._vmap(hook, jumps)] if jumps else []
        if hook in {"input", "forward", "output"}:
            choices += [
                self.r.choice(
                    (
                        "reject",
                        "reject with tcp reset",
                        *(["reject with icmpx admin-prohibited"] if self.family == "inet" else []),
                    )
                )
            ]
        if hook == "prerouting":
            choices += ["notrack"]
        return self.r.choice(choices)

    def _vmap(self, hook: str, jumps: list[str]) -> str:
        def way() -> str:
            return self.r.choice(
                (
                    "accept",
                    "drop",
                    "continue",
                    "return",
                    *(f"jump {each}" for each in jumps),
                    *(f"goto {each}" for each in jumps),
                )
            )

        shape = self.r.randrange(5)
        if shape == 0 and self.proto != "icmp":
            port = self.sent.dport or 0
            if self.yes():
                name = self._named(
                    "inet_service", f"{port if self.yes() else 1} : {way()}, 7000-7100 : {way()}", verdicts=True
                )
                return f"{self.proto} dport vmap {name}"
            return f"{self.proto} dport vmap {{ {self.port(port)} : {way()}, 6000-6010 : {way()}, * : {way()} }}"
        if shape == 1:
            return f"ct state vmap {{ new : {way()}, established : {way()}, invalid : {way()}, untracked : {way()} }}"
        if shape == 2 and hook != "output":
            return f'iifname vmap {{ "r0" : {way()}, "lo" : {way()} }}'
        if shape == 3:
            return f"meta l4proto vmap {{ tcp : {way()}, udp : {way()} }}"
        return f"{self.ip} saddr vmap {{ {self.address(self.src)} : {way()} }}"

    def rule(self, hook: str, depth: int, jumps: list[str]) -> str:
        matches = [self.match(hook) for _ in range(self.r.choice((0, 1, 1, 1, 2)))]
        if sum("!=" in each for each in matches) > 1:  # nft 1.0.6 joins two of neighbouring fields into one comparison
            matches = matches[:1]
        verdict = self.verdict(hook, depth, jumps)
        words = [*matches, "counter"]
        if "reject with tcp reset" in verdict:
            words.insert(0, "meta l4proto tcp")
        if " vmap " in verdict or " map " in verdict:
            words.append(verdict)
        else:
            words.append(verdict)
        return " ".join(filter(None, words))

    # -- the whole --------------------------------------------------------------------------------------------------

    def ruleset(self) -> str:
        chains: list[str] = []
        for hook, priorities in self.hooks.items():
            for number, priority in enumerate(self.r.sample(priorities, self.r.randint(1, min(2, len(priorities))))):
                chains.append(self._base(hook, priority, number))
        if self.dnat:
            chains.append(self._nat())
        text = "\n".join((*self.sets, *chains))
        return f"table {self.family} t {{\n{text}\n}}"

    def _base(self, hook: str, priority: str, number: int) -> str:
        subs = [f"{hook}{number}a", f"{hook}{number}b"]
        texts = []
        for depth, name in ((2, subs[1]), (1, subs[0])):
            jumps = subs[1:] if depth == 1 else []
            rules = [self.rule(hook, depth, jumps) for _ in range(self.r.randint(0, 3))]
            texts.append(f" chain {name} {{\n  " + "\n  ".join(rules) + "\n }")
        rules = [self.rule(hook, 0, subs) for _ in range(self.r.randint(2, 6))]
        policy = self.r.choice(("accept", "accept", "accept", "drop"))
        head = f"type filter hook {hook} priority {priority}; policy {policy};"
        texts.append(f" chain {hook}{number} {{\n  {head}\n  " + "\n  ".join(rules) + "\n }")
        return "\n".join(texts)

    def _nat(self) -> str:
        address, version = self.other, self.ip
        to = f"[{address}]" if self.six else address
        port = self.sent.dport
        options = [
            f"dnat {version} to {address}",
            f"dnat {version} to {version} daddr map {{ {self.dst} : {address} }}",
        ]
        if port is not None:
            options += [
                f"{self.proto} dport {port} dnat {version} to {to}:8080",
                f"{self.proto} dport {port + 1} dnat {version} to {to}:8080",
                f"dnat {version} to {self.proto} dport map {{ {port} : {address}, 9 : {self.server} }}",
                f"dnat {version} addr . port to {self.proto} dport map {{ {port} : {address} . 8081 }}",
            ]
        pre = f" chain pre_nat {{\n  type nat hook prerouting priority dstnat; policy accept;\n  {self.match('prerouting')} counter {self.r.choice(options)}\n  {self.r.choice(options)}\n }}"
        source = self.r.choice(
            ("masquerade", f"snat {version} to {k.FAR6 if self.six else k.FAR}", 'oifname "r1" masquerade')
        )
        post = f" chain post_nat {{\n  type nat hook postrouting priority srcnat; policy accept;\n  {self.match('postrouting')} counter {source}\n }}"
        return f"{pre}\n{post}"
