"""Random nftables rules: every expression, statement and chain type that this kernel has, most of them true for the packet in question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kernel.arena import BRIDGED, BRIDGED6, CLIENT, PORTS, PROXY, ROUTER
from tests.kernel.iptables_matches import MARKS
from tests.kernel.iptables_rules import SERVERS
from tests.kernel.nft_matches import MATCHES
from tests.kernel.ruleset import Item

if TYPE_CHECKING:
    from random import Random

    from tests.kernel.asking import Question


HIDDEN_STATEMENTS = 19
_ICMPX = ("port-unreachable", "admin-prohibited", "no-route", "host-unreachable")
_ICMP = (
    "net-unreachable", "host-unreachable", "prot-unreachable", "port-unreachable", "net-prohibited", "host-prohibited", "admin-prohibited",
)  # fmt: skip
_ICMPV6 = ("no-route", "admin-prohibited", "addr-unreachable", "port-unreachable", "policy-fail", "reject-route")
_LATER = ("ct", "fib", "iif", "oif", "meta iif", "meta oif", "meta skuid", "socket", "ether")
PRIORITIES = (-310, -300, -160, -150, -50, -1, 0, 0, 1, 10, 50, 120)


class NftMaker:
    """Chains and rules for one question."""

    def __init__(self, rng: Random, question: Question) -> None:
        self.rng, self.q, self.six = rng, question, question.six
        self.local = question.dst in {"192.0.2.1", "2001:db8:1::1"}
        if question.source == ROUTER:
            self.hooks: tuple[str, ...] = ("output", "postrouting", "prerouting", "input")
        else:
            self.hooks = ("prerouting", "input", "output") if self.local else ("prerouting", "forward", "postrouting")
        self.count = 0
        self.early = False  # whether the chain is one of a device, before conntrack and routing, or behind them

    @property
    def ip(self) -> str:
        return "ip6" if self.six else "ip"

    @property
    def src(self) -> str:
        if self.q.source == CLIENT:
            return "2001:db8:1::2" if self.six else "192.0.2.2"
        return "2001:db8:2::1" if self.six else "198.51.100.1"

    @property
    def l4(self) -> str:
        return "icmpv6" if self.six and self.q.proto == "icmp" else self.q.proto

    def other(self) -> str:
        return self.rng.choice(("2001:db8:77::1", "2001:db8:1::7") if self.six else ("192.0.2.77", "10.77.0.1"))

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    # -- chains -------------------------------------------------------------------------------------------------------

    def chain(self, hidden: int | None = None) -> list[Item]:
        """A base chain with one to four rules; ``hidden``: with which expression that no listing decides in the first."""
        rng = self.rng
        kind = rng.choices(("filter", "nat", "route", "netdev"), (57, 26, 6, 11))[0]
        if kind == "route" and "output" not in self.hooks:
            kind = "filter"
        if kind == "netdev" and self.q.source != CLIENT:
            kind = "filter"
        if self.q.dst in {BRIDGED, BRIDGED6} and rng.random() < 0.5:
            return self.bridge(hidden)
        ways = ("ingress", "r0"), ("ingress", "r0"), ("ingress", "r1"), ("egress", "r1"), ("egress", "r0")
        early, device = rng.choice(ways) if kind == "netdev" else ("", "")
        inet = early == "ingress" and rng.random() < 0.4
        family = "inet" if inet else "netdev" if kind == "netdev" else rng.choice(("inet", "inet", self.ip))
        name = self.fresh("c")
        where = f"{family}/{name}"
        hook = {"route": "output", "netdev": early}.get(kind) or rng.choice(
            [each for each in self.hooks if kind != "nat" or each != "forward"]
        )
        self.early = kind == "netdev"
        prio = rng.choice((-110, -100, -90, 90, 100, 110)) if kind == "nat" else rng.choice(PRIORITIES)
        policy = "drop" if kind == "filter" and rng.random() < 0.08 else "accept"
        on = f" device {device}" if kind == "netdev" else ""
        head = f"type {'filter' if kind == 'netdev' else kind} hook {hook}{on} priority {prio}; policy {policy};"
        names = {f"chain type {kind}", f"family {family}", *({f"{family} {early}"} if early else ())} | (
            {"nft policy drop"} if policy == "drop" else set()
        )
        found = [Item("chain", where, head, frozenset(names))]
        for at in range(rng.randint(1, 3)):
            found += self.rule(where, hook, kind, family, hidden=hidden if at == 0 else None)
        return found

    def bridge(self, hidden: int | None) -> list[Item]:
        """A chain of family bridge, at the router's own: what it sends out by its port, and what comes in by that."""
        rng = self.rng
        hook = rng.choice(("output", "postrouting", "prerouting", "input"))
        where, policy = f"bridge/{self.fresh('c')}", "drop" if rng.random() < 0.08 else "accept"
        head = f"type filter hook {hook} priority {rng.choice(PRIORITIES)}; policy {policy};"
        names = {"family bridge", f"bridge {hook}", *(("nft policy drop",) if policy == "drop" else ())}
        found = [Item("chain", where, head, frozenset(names))]
        self.early = True
        for at in range(rng.randint(1, 3)):
            found += self.rule(where, f"bridge {hook}", "bridge", "bridge", hidden=hidden if at == 0 else None)
        return found

    def rule(self, where: str, hook: str, kind: str, family: str, hidden: int | None = None) -> list[Item]:
        rng = self.rng
        alone: tuple[list[str], list[str], list[str]] = ([], [], [])
        words, names, extras = self.matches(hook, family) if hidden is None or rng.random() < 0.4 else alone
        unlisted = ""
        if hidden is not None:
            text, unlisted, extra = self.hidden(hidden, family)
            words.append(text)
            names.append(unlisted)
            extras += [extra] if extra else []
        pick = rng.random()
        if kind in {"filter", "bridge"} and pick < 0.14 and hidden is None:
            return self.jump(where, hook, family, words, names, extras)
        if kind == "filter" and pick < 0.24 and hidden is None and self.q.dport and not self.early:
            text, name, extra = self.vmap()
            item = Item(
                "nft",
                where,
                " ".join([*words, "counter", text]),
                frozenset([*names, name]),
                extra="\n".join(filter(None, [*extras, extra])),
            )
            return [item]
        text, name, extra, idle = self.statement(hook, kind, family)
        extras += [extra] if extra else []
        comment = ' comment "x y"' if rng.random() < 0.1 else ""
        line = " ".join([*words, "counter", text]) + comment
        return [
            Item(
                "nft",
                where,
                line,
                frozenset([*names, name]),
                hidden=unlisted,
                extra="\n".join(extras),
                acts=not idle,
            )
        ]

    def jump(
        self, where: str, hook: str, family: str, words: list[str], names: list[str], extras: list[str]
    ) -> list[Item]:
        user, way = self.fresh("u_"), self.rng.choice(("jump", "jump", "goto"))
        found = [
            Item(
                "nft",
                where,
                " ".join([*words, "counter", way, user]),
                frozenset([*names, f"nft {way}"]),
                extra="\n".join(extras),
            )
        ]
        for _ in range(self.rng.randint(1, 2)):
            inner, more, declared = self.matches(hook, family)
            text, name, extra, idle = (
                ("return", "nft return", "", False)
                if self.rng.random() < 0.2
                else self.statement(hook, "filter", family)
            )
            declared += [extra] if extra else []
            found.append(
                Item(
                    "nft",
                    f"{family}/{user}",
                    " ".join([*inner, "counter", text]),
                    frozenset([*more, name]),
                    extra="\n".join(declared),
                    acts=not idle,
                )
            )
        return found

    def matches(self, hook: str, family: str) -> tuple[list[str], list[str], list[str]]:
        words: list[str] = []
        names, extras = [], []
        for _ in range(self.rng.choices((0, 1, 2, 3), (1, 6, 3, 1))[0]):
            found = self.rng.choice(MATCHES)(self, hook, self.rng.random() < 0.85)
            if found is None or ("nfproto" in found[0] and family != "inet"):
                continue
            if "meta protocol" in found[0] and family in ("ip", "ip6"):
                continue  # before a header's field nft 1.0.6 leaves it out of its listing, also where it is the other protocol
            later = found[0].startswith(_LATER) or " ct " in found[0]
            if self.early and later and not found[1].endswith("port of a bridge"):
                continue
            if ". th " in found[0] and "ct original protocol" in names:
                continue  # before it nft 1.0.6 leaves that match out of its listing (findings/nft-list-ct-protocol.sh)
            field, above, _ = found[0].partition(" > ")
            if above and any(each.startswith(f"{field} < ") for each in words):
                continue  # nft lists `ip ttl < 3 ip ttl > 50`, which nothing meets, as `ip ttl != 3-50`
            words.append(found[0])
            names.append(found[1])
            extras += [found[2]] if found[2] else []
        return words, names, extras

    # -- statements ---------------------------------------------------------------------------------------------------

    def statement(self, hook: str, kind: str, family: str) -> tuple[str, str, str, bool]:
        """Text, name, declaration, and whether it changes nothing of the walk."""
        if kind == "nat":
            return self.nat(hook, family)
        rng, mark = self.rng, self.rng.choice(MARKS)
        tracked = not self.early
        ttl = f"{'ip6 hoplimit' if self.six else 'ip ttl'} set {rng.choice((5, 33, 60))}"
        choices: list[tuple[str, str, str, bool]] = [
            ("drop", "nft drop", "", False),
            ("drop", "nft drop", "", False),
            ("drop", "nft drop", "", False),
            ("accept", "nft accept", "", False),
            ("accept", "nft accept", "", False),
            (f"meta mark set {mark}", "meta mark set", "", False),
            (f"meta mark set {mark}", "meta mark set", "", False),
            (f"meta mark set meta mark or {mark}", "meta mark set or", "", False),
            (ttl, "ttl set", "", False),
            (f"{self.ip} dscp set 10", "dscp set", "", False),
            ('log prefix "x"', "nft log", "", True),
            ("meta nftrace set 1", "nftrace", "", True),
        ]
        if tracked:
            choices += [
                (f"ct mark set {mark}", "ct mark set", "", False),
                ("ct mark set meta mark", "ct mark set meta mark", "", False),
                ("meta mark set ct mark", "meta mark set ct mark", "", False),
                (f"ct mark set ct mark or {mark}", "ct mark set or", "", False),
            ]
        if hook in {"input", "forward", "output"} and kind == "filter":
            choices += [self.reject(family)] * (11 if family == "inet" else 24)
        if hook in {"prerouting", "output"} and tracked:
            choices += [("notrack", "notrack", "", False), ("ct zone set 5", "ct zone set", "", False)] * 2
        if hook == "prerouting" and tracked and self.q.dport:
            choices += [self.tproxy(family, mark)] * 3
        if self.q.dport:
            name = self.fresh("m")
            body = f"map {name} {{ type inet_service : mark; elements = {{ {self.q.dport} : {mark}, 9999 : 7 }} }}"
            choices += [
                (f"meta mark set {self.q.proto} dport map @{name}", "nft map", body, False),
                (
                    f"meta mark set {self.q.proto} dport map {{ {self.q.dport} : {mark}, 1-7 : 3 }}",
                    "nft map",
                    "",
                    False,
                ),
            ]
        return rng.choice(choices)

    def tproxy(self, family: str, mark: int) -> tuple[str, str, str, bool]:
        port = self.rng.choices((PROXY, 8080, 3129), (6, 1, 1))[0]
        to = f"tproxy{f' {self.ip}' if family == 'inet' else ''} to :{port} meta mark set {mark}"
        end = self.rng.choice(("", " accept"))
        return f"meta l4proto {self.q.proto} ct direction original {to}{end}", "nft tproxy", "", False

    def reject(self, family: str) -> tuple[str, str, str, bool]:
        options = ["reject"]
        if family == "inet":
            options += [f"reject with icmpx type {kind}" for kind in _ICMPX]
        if family != "ip6" and not self.six:
            options += [f"reject with icmp type {kind}" for kind in _ICMP] * (1 if family == "inet" else 2)
        if family != "ip" and self.six:
            options += [f"reject with icmpv6 type {kind}" for kind in _ICMPV6] * (3 if family == "inet" else 4)
        if self.q.proto == "tcp":
            options += ["meta l4proto tcp reject with tcp reset"] * 2
        text = self.rng.choice(options)
        return text, f"nft {text.replace('meta l4proto tcp ', '')}", "", False

    def nat(self, hook: str, family: str) -> tuple[str, str, str, bool]:
        rng = self.rng
        to = f" {self.ip}" if family == "inet" else ""
        if hook in {"prerouting", "output"}:
            address, port = (
                rng.choice((*SERVERS[self.six], "2001:db8:9::9" if self.six else "10.9.0.9")),
                rng.choice(PORTS),
            )
            whole = f"[{address}]:{port}" if self.six else f"{address}:{port}"
            choices = [(f"dnat{to} to {address}", "nft dnat", "", False)] * 2
            choices += [("redirect", "nft redirect", "", False), ("accept", "nft accept", "", False)]
            if self.q.dport:
                proto = self.q.proto
                choices += [
                    (f"{proto} dport {self.q.dport} dnat{to} to {whole}", "nft dnat port", "", False),
                    (f"{proto} dport {self.q.dport} redirect to :{port}", "nft redirect port", "", False),
                    (
                        f"dnat{to} to {proto} dport map {{ {self.q.dport} : {address}, 9999 : {self.other()} }}",
                        "nft dnat map",
                        "",
                        False,
                    ),
                ]
            return rng.choice(choices)
        own = rng.choice(("2001:db8:2::1", "2001:db8:3::1") if self.six else ("198.51.100.1", "203.0.113.1"))
        choices = [(f"snat{to} to {own}", "nft snat", "", False), ("accept", "nft accept", "", False)]
        if hook == "postrouting":
            choices += [("masquerade", "nft masquerade", "", False)] * 3
            if self.q.dport:
                choices += [
                    (f"meta l4proto {self.q.proto} masquerade to :4000-4999", "nft masquerade ports", "", False)
                ]
        return rng.choice(choices)

    def vmap(self) -> tuple[str, str, str]:
        """A verdict map, named or not; it may lead to a chain."""
        q, rng = self.q, self.rng
        verdict = rng.choice(("drop", "accept", "continue", "drop"))
        if rng.random() < 0.15:
            name, kind = self.fresh("w"), "ipv6_addr" if self.six else "ipv4_addr"
            net = "2001:db8::/32" if self.six else f"{self.src.rsplit('.', 1)[0]}.0/24"
            body = f"map {name} {{ type {kind} : verdict; flags interval; elements = {{ {net} : {verdict} }} }}"
            return f"{self.ip} saddr vmap @{name}", "named vmap with intervals", body
        if rng.random() < 0.5:
            name = self.fresh("v")
            body = f"map {name} {{ type inet_service : verdict; elements = {{ {q.dport} : {verdict}, 9999 : drop }} }}"
            return f"{q.proto} dport vmap @{name}", "named vmap", body
        key, value, label = rng.choice(
            (
                (f"{q.proto} dport", f"{{ {q.dport} : {verdict}, 9999 : accept }}", "vmap"),
                (
                    f"{self.ip} saddr . {q.proto} dport",
                    f"{{ {self.src} . {q.dport} : {verdict} }}",
                    "vmap of a concatenation",
                ),
                ("ct state", f"{{ established : accept, new : {verdict}, invalid : drop }}", "ct state vmap"),
                ("meta l4proto", f"{{ {q.proto} : {verdict}, sctp : drop }}", "vmap"),
                (f"{self.ip} saddr", f"{{ {self.other()} : accept, {self.src} : {verdict} }}", "vmap"),
            )
        )
        return f"{key} vmap {value}", label, ""

    def hidden(self, number: int, family: str) -> tuple[str, str, str]:
        """What no listing shows; one of :data:`HIDDEN_STATEMENTS`. A netdev chain has no conntrack."""
        name = self.fresh("h")
        kind = "ipv6_addr" if self.six else "ipv4_addr"
        dynamic = f"set {name} {{ type {kind}; flags dynamic,timeout; timeout 1m; }}"
        every = (
            ("limit rate 1/second burst 1 packets", "nft limit", ""),
            ("limit rate over 1000/second", "nft limit", ""),
            ("ct count over 1", "ct count", ""),
            ("ct count 100", "ct count", ""),
            ("quota over 10 mbytes", "nft quota", ""),
            ("quota 10 mbytes", "nft quota", ""),
            ("numgen random mod 2 == 0", "numgen", ""),
            (f"add @{name} {{ {self.ip} saddr }}", "add @set", dynamic),
            (f"update @{name} {{ {self.ip} saddr limit rate 1/second burst 1 packets }}", "update @set", dynamic),
            ('meta hour >= "00:00"', "meta hour", ""),
            ("jhash ip saddr mod 2 == 0" if not self.six else "jhash ip6 saddr mod 2 == 0", "jhash", ""),
            ("meta cpu 0", "meta cpu", ""),
            ("meta random <= 2147483647", "meta random", ""),
            ("ct expiration > 1s", "ct expiration", ""),
            ("ct original packets < 100", "ct packets", ""),
            (
                f"{'tcp window' if self.q.proto == 'tcp' else 'udp checksum' if self.q.proto == 'udp' else self.l4.replace('icmpv6', 'icmpv6').strip() + ' checksum'} != 7",
                "bytes that no prediction has",
                "",
            ),
            (f"limit name {name}", "named limit", f"limit {name} {{ rate 1/second burst 1 packets\n}}"),
            (f"quota name {name}", "named quota", f"quota {name} {{ over 10 mbytes\n}}"),
            (f"meter {name} {{ {self.ip} saddr limit rate 1/second burst 1 packets }}", "meter", ""),
        )
        assert len(every) == HIDDEN_STATEMENTS
        found = every[number]
        return every[0] if self.early and found[0].startswith("ct") else found
