"""Random rules of iptables and ip6tables: every match and target that this kernel has, most of them true for the packet in question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kernel.arena import BRIDGED, BRIDGED6, CLIENT, PORTS, PROXY, ROUTER
from tests.kernel.iptables_matches import HIDDEN, MARKS, MATCHES
from tests.kernel.ruleset import HOOKS, Item

if TYPE_CHECKING:
    from random import Random

    from tests.kernel.asking import Question


SERVERS = {False: ("198.51.100.2", "203.0.113.2"), True: ("2001:db8:2::2", "2001:db8:3::2")}
PROTO = {"tcp": "6", "udp": "17", "icmp": "1"}


class Maker:
    """Rules for one question."""

    def __init__(self, rng: Random, question: Question) -> None:
        self.rng, self.q = rng, question
        self.six = question.six
        self.users: dict[str, int] = {}
        local = question.dst in {"192.0.2.1", "2001:db8:1::1"}
        if question.source == ROUTER:
            self.hooks: tuple[str, ...] = ("OUTPUT", "POSTROUTING", "PREROUTING", "INPUT")
        else:
            self.hooks = ("PREROUTING", "INPUT", "OUTPUT") if local else ("PREROUTING", "FORWARD", "POSTROUTING")

    @property
    def src(self) -> str:
        """Whence the request comes, as a rule."""
        if self.q.source == CLIENT:
            return "2001:db8:1::2" if self.six else "192.0.2.2"
        near = {"203.0.113.2": "203.0.113.1", "2001:db8:3::2": "2001:db8:3::1", BRIDGED: "198.18.0.1"} | {
            BRIDGED6: "2001:db8:5::1"
        }
        return near.get(self.q.dst, "2001:db8:2::1" if self.six else "198.51.100.1")

    def other(self) -> str:
        return self.rng.choice(("2001:db8:77::1", "2001:db8:1::7") if self.six else ("192.0.2.77", "10.77.0.1"))

    # -- a rule -------------------------------------------------------------------------------------------------------

    def rule(self, hidden: int | None = None) -> Item:
        """One rule, in a chain that the packet or its answer may meet; ``hidden``: with which match that no listing decides."""
        table = self.rng.choices(("raw", "mangle", "nat", "filter", "security"), (10, 26, 26, 34, 4))[0]
        hooks = [each for each in HOOKS[table] if each in self.hooks] or [HOOKS[table][0]]
        hook = self.rng.choice(hooks)
        words, names = self.matches(hook, table) if hidden is None or self.rng.random() < 0.4 else ([], [])
        unlisted = ""
        if hidden is not None:
            text, unlisted = HIDDEN[hidden]
            words.append(text.replace("{set}", "probe6" if self.six else "probe"))
            names.append(unlisted)
        target, name = ("", unlisted) if unlisted.startswith("-j") else self.target(table, hook, words)
        return Item(
            "ipt",
            f"{table}/{hook}",
            " ".join([*words, target]).strip(),
            frozenset([*names, name]),
            hidden=unlisted,
            acts=name not in _IDLE,
        )

    def user_rules(self) -> list[Item]:
        """Rules in a chain of its own, and the jump that leads there."""
        table = self.rng.choice(("mangle", "filter"))
        hook = self.rng.choice([each for each in HOOKS[table] if each in self.hooks] or ["FORWARD"])
        name = f"U-{self.rng.randrange(1000)}"
        way, named = self.rng.choice((("-j", "jump"), ("-j", "jump"), ("-g", "goto")))
        words, names = self.matches(hook, table)
        found = [
            Item("ipt", f"{table}/{hook}", " ".join([*words, way, name]), frozenset([*names, f"iptables {named}"]))
        ]
        for _ in range(self.rng.randint(1, 3)):
            words, names = self.matches(hook, table)
            target, label = ("-j RETURN", "-j RETURN") if self.rng.random() < 0.25 else self.target(table, hook, words)
            found.append(
                Item(
                    "ipt",
                    f"{table}/{name}",
                    " ".join([*words, target]),
                    frozenset([*names, label]),
                    acts=label not in _IDLE,
                )
            )
        return found

    def policy(self) -> Item:
        hook = self.rng.choice([each for each in HOOKS["filter"] if each in self.hooks] or ["FORWARD"])
        return Item("policy", f"filter/{hook}", "DROP", frozenset({"policy DROP"}))

    def matches(self, hook: str, table: str) -> tuple[list[str], list[str]]:
        """Up to three matches; a protocol comes first where one needs it."""
        words: list[str] = []
        names: list[str] = []
        used: set[str] = set()
        for _ in range(self.rng.choices((0, 1, 2, 3), (1, 5, 3, 1))[0]):
            make = self.rng.choice(MATCHES)
            found = make(self, hook, self.rng.random() < 0.85)
            if found is None or found[1] in used:
                continue
            text, name = found
            used.add(name)
            names.append(name)
            if "{p}" in text:
                if not any(each.startswith("-p ") or "! -p" in each for each in words):
                    words.insert(0, f"-p {self.rng.choice((self.proto, self.proto, self.number))}")
                    names.append("-p")
                elif "-p" not in names or any("! -p" in each for each in words):
                    names.remove(name)
                    continue
                text = text.replace("{p}", "")
            elif text.startswith(("-p", "! -p")) and any("-p " in each for each in words):
                names.remove(name)
                continue
            if text.startswith("-m") or " -m " in text:
                words.append(text)
            else:
                words.insert(0, text)
        return words, names

    @property
    def proto(self) -> str:
        return "ipv6-icmp" if self.six and self.q.proto == "icmp" else self.q.proto

    @property
    def number(self) -> str:
        return "58" if self.six and self.q.proto == "icmp" else PROTO[self.q.proto]

    def bang(self, true: bool, share: float = 0.2) -> tuple[str, bool]:
        """A negation, now and then, and whether what follows is to hold."""
        return ("! ", not true) if self.rng.random() < share else ("", true)

    def target(self, table: str, hook: str, words: list[str]) -> tuple[str, str]:
        """A target that stands in that table's chain."""
        makers = {"filter": _filter, "security": _security, "mangle": _mangle, "raw": _raw, "nat": _nat}
        return makers[table](self, hook, words)


def _filter(make: Maker, hook: str, words: list[str]) -> tuple[str, str]:
    kind = make.rng.choices(("DROP", "ACCEPT", "REJECT", "LOG", "NFLOG", "RETURN", "AUDIT"), (40, 22, 26, 6, 3, 6, 3))[
        0
    ]
    if kind == "REJECT":
        return _reject(make, words)
    return {"LOG": "-j LOG --log-prefix x", "NFLOG": "-j NFLOG", "AUDIT": "-j AUDIT --type accept"}.get(
        kind, f"-j {kind}"
    ), f"-j {kind}"


def _security(make: Maker, hook: str, words: list[str]) -> tuple[str, str]:
    """REJECT stands in the filter table alone."""
    text, name = _filter(make, hook, words)
    return ("-j DROP", "-j DROP") if "REJECT" in text else (text, name)


def _reject(make: Maker, words: list[str]) -> tuple[str, str]:
    tcp = any(each in {"-p tcp", "-p 6"} for each in words)
    if tcp and make.rng.random() < 0.5:
        return "-j REJECT --reject-with tcp-reset", "-j REJECT tcp-reset"
    kinds = (
        ("icmp6-adm-prohibited", "icmp6-port-unreachable", "icmp6-no-route", "icmp6-addr-unreachable", "icmp6-policy-fail", "icmp6-reject-route")
        if make.six
        else ("icmp-port-unreachable", "icmp-host-unreachable", "icmp-net-unreachable", "icmp-admin-prohibited", "icmp-host-prohibited", "icmp-proto-unreachable", "icmp-net-prohibited")
    )  # fmt: skip
    kind = make.rng.choice(kinds)
    return f"-j REJECT --reject-with {kind}", f"-j REJECT {kind}"


def _mangle(make: Maker, hook: str, words: list[str]) -> tuple[str, str]:
    rng, mark = make.rng, make.rng.choice(MARKS)
    bare = make.q.dport and not any("-p" in each for each in words)
    if bare and hook == "PREROUTING" and rng.random() < 0.25:
        words.insert(0, f"-p {make.proto}")
    elif bare and make.q.proto == "tcp" and rng.random() < 0.1:
        words.insert(0, "-p tcp -m tcp --syn")
    ported = any(each in {"-p tcp", "-p udp", "-p 6", "-p 17"} for each in words)
    if hook == "PREROUTING" and ported and rng.random() < 0.35:
        words.append("-m conntrack --ctdir ORIGINAL")  # of an answer it is not told whose socket it would be
        port = rng.choices((PROXY, 8080, 3129), (6, 1, 1))[0]  # a transparent socket, a plain one, none
        return f"-j TPROXY --on-port {port} --tproxy-mark {mark}/0xff", "-j TPROXY"
    if "tcp" in " ".join(words) and any("--syn" in each for each in words) and rng.random() < 0.5:
        return "-j TCPMSS --set-mss 1000", "-j TCPMSS"
    return rng.choice(
        (
            (f"-j MARK --set-mark {mark}", "-j MARK --set-mark"),
            (f"-j MARK --set-mark {mark}", "-j MARK --set-mark"),
            (f"-j MARK --set-mark {mark}", "-j MARK --set-mark"),
            (f"-j MARK --set-xmark {mark}/0xff", "-j MARK --set-xmark"),
            (f"-j MARK --or-mark {mark}", "-j MARK --or-mark"),
            ("-j MARK --and-mark 0xf1", "-j MARK --and-mark"),
            (f"-j MARK --xor-mark {mark}", "-j MARK --xor-mark"),
            (f"-j CONNMARK --set-mark {mark}", "-j CONNMARK --set-mark"),
            ("-j CONNMARK --save-mark", "-j CONNMARK --save-mark"),
            ("-j CONNMARK --restore-mark", "-j CONNMARK --restore-mark"),
            ("-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff", "-j CONNMARK --restore-mark"),
            (f"-j {'HL --hl' if make.six else 'TTL --ttl'}-set {rng.choice((5, 33, 60))}" if hook != "INPUT" else "-j ACCEPT", "-j HL" if make.six else "-j TTL"),
            ("-j DSCP --set-dscp 10", "-j DSCP"),
            ("-j TOS --set-tos 0x10", "-j TOS"),
            ("-j CLASSIFY --set-class 1:1" if hook in {"FORWARD", "OUTPUT", "POSTROUTING"} else "-j ACCEPT", "-j CLASSIFY"),
            ("-j CHECKSUM --checksum-fill", "-j CHECKSUM"),
            (f"-j {'HL --hl' if make.six else 'TTL --ttl'}-dec 3" if hook != "INPUT" else "-j ACCEPT", "-j HL" if make.six else "-j TTL"),
            (f"-j TEE --gateway {'2001:db8:77::9' if make.six else '10.77.0.9'}" if hook == "PREROUTING" else "-j ACCEPT", "-j TEE" if hook == "PREROUTING" else "-j ACCEPT"),
            ("-j DROP", "-j DROP"),
            ("-j ACCEPT", "-j ACCEPT"),
        )
    )  # fmt: skip


def _raw(make: Maker, hook: str, words: list[str]) -> tuple[str, str]:
    return make.rng.choice(
        (
            ("-j NOTRACK", "-j NOTRACK"),
            ("-j CT --notrack", "-j CT --notrack"),
            ("-j CT --zone 5", "-j CT --zone"),
            ("-j TRACE", "-j TRACE"),
            ("-j DROP", "-j DROP"),
            ("-j ACCEPT", "-j ACCEPT"),
        )
    )


def _nat(make: Maker, hook: str, words: list[str]) -> tuple[str, str]:
    rng = make.rng
    if make.q.dport and not any("-p" in each for each in words) and rng.random() < 0.3:
        words.insert(0, f"-p {make.proto}")
    ported = any(each in {"-p tcp", "-p udp", "-p 6", "-p 17"} for each in words)
    if hook in {"PREROUTING", "OUTPUT"}:
        address = rng.choice((*SERVERS[make.six], "2001:db8:9::9" if make.six else "10.9.0.9"))
        port = rng.choice(PORTS)
        ends = (f"[{address}]:{port}" if make.six else f"{address}:{port}") if ported else address
        ranged = (
            (f"[{address}]:{port}-{port + 1}" if make.six else f"{address}:{port}-{port + 1}")
            if ported
            else f"{address}-{address}"
        )
        net = "2001:db8:3::/64" if make.six else "203.0.113.0/24"
        return rng.choice(
            (
                (f"-j DNAT --to-destination {ends}", "-j DNAT"),
                (f"-j DNAT --to-destination {address}", "-j DNAT"),
                (f"-j DNAT --to-destination {address}", "-j DNAT"),
                (f"-j DNAT --to-destination {ranged}", "-j DNAT range"),
                (f"-j REDIRECT --to-ports {port}" if ported else "-j REDIRECT", "-j REDIRECT"),
                (f"-j NETMAP --to {net}", "-j NETMAP"),
                ("-j ACCEPT", "-j ACCEPT"),
                ("-j RETURN", "-j RETURN"),
            )
        )
    own = rng.choice(("2001:db8:2::1", "2001:db8:3::1") if make.six else ("198.51.100.1", "203.0.113.1"))
    source = f"-j SNAT --to-source {own}"
    if ported:
        source = f"-j SNAT --to-source {f'[{own}]' if make.six else own}:3000-3999"
    choices = [
        (f"-j SNAT --to-source {own}", "-j SNAT"),
        (source, "-j SNAT ports" if ported else "-j SNAT"),
        ("-j ACCEPT", "-j ACCEPT"),
    ]
    if hook == "POSTROUTING":
        choices += [("-j MASQUERADE", "-j MASQUERADE"), ("-j MASQUERADE", "-j MASQUERADE")]
        choices += [("-j MASQUERADE --to-ports 4000-4999", "-j MASQUERADE ports")] if ported else []
    return rng.choice(choices)


_IDLE = frozenset({"-j LOG", "-j NFLOG", "-j AUDIT", "-j TRACE", "-j CHECKSUM", "-j CLASSIFY", "-j TEE"})
"""Targets that change nothing of the walk: that they do not is what is tested."""
