#!/bin/sh
# nft's listing leaves out `ct protocol` before `th dport`, and `ct l3proto` before a header's field: loaded again it is another ruleset.
#
# Versions: nftables and libnftables1 1.0.6-2+deb12u2 of Debian 12, Linux 6.18, amd64.
#
# What happens: nft adds matches that a field needs (`udp dport 7` loads `meta l4proto udp` before it), and takes them out again when it lists.
# Both `ct protocol` and `ct l3proto` count as such a match (netlink_delinearize.c, ct_meta_common_postprocess; payload.c,
# payload_dependency_kill), though they are of the connection: a packet that conntrack does not know meets neither. Nor does the field tell what
# was compared: `th dport` is there for each protocol. JSON (-j), handles (-a) and numbers (-n) lack it just as well; the kernel has it, as
# `nft --debug=netlink list ruleset` shows. `ct protocol tcp meta l4proto . th dport {...}` and `ct protocol tcp @th,16,16 7` are the same kind.
#
# What helps: `meta l4proto tcp` instead, and of the connection afterwards (`th dport 7 ct protocol tcp` is listed as written).
#
# It is measured by a counter: a datagram to 127.0.0.1 port 7 passes the rule as it was written, then the rule as it was listed. Everything is in
# a network namespace of its own, and the packages are unpacked into a temporary folder; nft's other libraries are those of an installed nft.
# Needs Debian 12, root, unshare, ip and python3. Exit status: 0 as said here, 1 something else was seen, 2 could not be run.
#
# Seen:
# 0 counted by 'ct protocol tcp th dport 7'; it is listed as 'th dport 7', which loaded again counts 1
# 0 counted by 'ct protocol tcp meta l4proto . th dport { udp . 7 }'; it is listed as 'meta l4proto . th dport { udp . 7 }', which loaded again counts 1
# 0 counted by 'ct l3proto ipv6 udp dport 7'; it is listed as 'udp dport 7', which loaded again counts 1
# 0 counted by 'th dport 7 ct protocol tcp'; it is listed as 'th dport 7 ct protocol tcp', which loaded again counts 0
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
import glob, os, re, socket, subprocess, sys
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
    return listed()
def listed(): return nft("list", "ruleset")
def counted():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock: sock.sendto(b"x", ("127.0.0.1", 7))
    return int(re.search(r"counter packets (\d+)", listed())[1])
right = True
for rule, shown in (
    ("ct protocol tcp th dport 7", "th dport 7"),
    ("ct protocol tcp meta l4proto . th dport { udp . 7 }", "meta l4proto . th dport { udp . 7 }"),
    ("ct l3proto ipv6 udp dport 7", "udp dport 7"),
    ("th dport 7 ct protocol tcp", "th dport 7 ct protocol tcp"),
):
    listing = load(f"table inet t {{\nchain c {{\ntype filter hook output priority 0;\n{rule} counter\n}}\n}}\n")
    said = re.search(r"^\s*(.*) counter", listing, re.M)[1]
    dump, keys = nft("--debug=netlink", "list", "ruleset"), ("[ ct load protocol", "[ ct load l3proto")
    written = counted()
    load(listing)
    again = counted()
    lost = said != rule
    right = right and said == shown and any(key in dump for key in keys) and (written, again) == (0, int(lost))
    print(f"{written} counted by {rule!r}; it is listed as {said!r}, which loaded again counts {again}", flush=True)
sys.exit(0 if right else 1)
P
unshare -n python3 try.py
