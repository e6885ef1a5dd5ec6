#!/bin/sh
# nft lists two bounds that nothing meets (`ip ttl < 3 ip ttl > 50`) as everything outside of them (`ip ttl != 3-50`): loaded again it matches what it never did.
#
# Versions: nftables and libnftables1 1.0.6-2+deb12u2 of Debian 12, Linux 6.18, amd64.
#
# What happens: a range is two comparisons in the kernel, and nft makes one range of two comparisons of one field when it lists. `>= 3` and `<= 50` are
# `3-50`; `< 3` and `> 50` become `!= 3-50`, though both must hold in a rule, while for `!= 3-50` one of them is enough. That is so in JSON (-j)
# and for ports as well; `nft --debug=netlink list ruleset` shows the two comparisons. In the other order (`> 50`, then `< 3`) both are listed as they are.
#
# It is measured by a counter: a datagram to 127.0.0.1 port 7 (TTL 64) passes the rule as it was written, then the rule as it was listed. Everything is
# in a network namespace of its own, and the packages are unpacked into a temporary folder; nft's other libraries are those of an installed nft.
# Needs Debian 12, root, unshare, ip and python3. Exit status: 0 as said here, 1 something else was seen, 2 could not be run.
#
# Seen:
# 0 counted by 'ip ttl < 3 ip ttl > 50'; it is listed as 'ip ttl != 3-50', which loaded again counts 1
# 0 counted by 'udp dport < 3 udp dport > 5'; it is listed as 'udp dport != 3-5', which loaded again counts 1
# 0 counted by 'ip ttl > 70 ip ttl < 3'; it is listed as 'ip ttl > 70 ip ttl < 3', which loaded again counts 0
set -eu
[ "$(id -u)" = 0 ] || { echo "needs root" >&2; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
version=1.0.6-2+deb12u2
apt-get download -q "nftables=$version" "libnftables1=$version" >/dev/null 2>said || { cat said >&2; exit 2; }
for package in ./*.deb; do dpkg-deb -x "$package" tree; done
echo "nftables, libnftables1 $version, Linux $(uname -r)"
cat >try.py <<'P'
import glob, json, os, re, socket, subprocess, sys
library = os.path.dirname(glob.glob("tree/usr/lib/*/libnftables.so.*")[0])
program = next(p for p in ("tree/usr/sbin/nft", "tree/sbin/nft") if os.path.exists(p))
def nft(*argv, text=None):
    done = subprocess.run([program, *argv], input=text, capture_output=True, text=True, env={**os.environ, "LD_LIBRARY_PATH": library})
    if done.returncode: print(done.stderr, file=sys.stderr); sys.exit(2)
    return done.stdout
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
def load(text):
    nft("flush", "ruleset")
    nft("-f", "-", text=text)
    return nft("list", "ruleset")
def counted():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        taker.bind(("127.0.0.1", 7))  # an ICMP error would be counted, too
        sock.sendto(b"x", ("127.0.0.1", 7))
    return int(re.search(r"counter packets (\d+)", nft("list", "ruleset"))[1])
right = True
for rule, shown in (
    ("ip ttl < 3 ip ttl > 50", "ip ttl != 3-50"),
    ("udp dport < 3 udp dport > 5", "udp dport != 3-5"),
    ("ip ttl > 70 ip ttl < 3", "ip ttl > 70 ip ttl < 3"),
):
    listing = load(f"table inet t {{\nchain c {{\ntype filter hook output priority 0;\n{rule} counter\n}}\n}}\n")
    said = re.search(r"^\s*(.*) counter", listing, re.M)[1]
    merged = any("range" in json.dumps(each) for each in json.loads(nft("-j", "list", "ruleset"))["nftables"])
    written = counted()
    load(listing)
    again = counted()
    right = right and said == shown and merged == (said != rule) and (written, again) == (0, int(said != rule))
    print(f"{written} counted by {rule!r}; it is listed as {said!r}, which loaded again counts {again}", flush=True)
sys.exit(0 if right else 1)
P
unshare -n python3 try.py
