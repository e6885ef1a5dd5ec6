#!/bin/sh
# tcpdump --immediate-mode keeps 32 packets in its buffer where it keeps thousands without, and on lo 16.
#
# Versions: tcpdump 4.99.3-1 and libpcap0.8 1.10.3-1 of Debian 12, Linux 6.18, amd64.
#
# What happens: with immediate mode libpcap chooses TPACKET_V2 (pcap-linux.c, prepare_tpacket_socket), a ring of slots that are all as large as
# the snap length, on Ethernet at most 65535 and the header; tcpdump's default is 262144. The default buffer of 2 MiB is then 32 slots, whatever
# the size of the packets, and each takes a block of 128 KiB: 4 MiB. On lo each packet takes two slots, as it is seen going out and coming in.
# Without immediate mode it is TPACKET_V3, whose blocks are filled with packets as they are.
# tcpdump(1) says of -s that larger snapshots decrease the amount of packet buffering; of --immediate-mode it says nothing about the buffer.
# So a program that wants packets at once and takes the defaults loses those of any burst of more than 32, however small.
#
# What helps: a snap length that is not larger than needed (-s 8000: 256 slots in 2 MiB), then -B.
#
# It is measured by stopping tcpdump (SIGSTOP), sending 2000 datagrams of 20 bytes, and letting it go on. Everything is in a network
# namespace of its own, and the packages are unpacked into a temporary folder. Needs Debian 12, root, unshare, ip and python3.
# Exit status: 0 as said here, 1 something else was seen, 2 could not be run.
#
# Seen:
#  2000 of 2000 kept: tcpdump -i va
#    32 of 2000 kept: tcpdump -i va --immediate-mode
#    16 of 2000 kept: tcpdump -i lo --immediate-mode
#   260 of 2000 kept: tcpdump -i va --immediate-mode -s 8000
#   520 of 2000 kept: tcpdump -i va --immediate-mode -s 8000 -B 4096
set -eu
[ "$(id -u)" = 0 ] || { echo "needs root" >&2; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
tcpdump=4.99.3-1
libpcap=1.10.3-1
apt-get download -q "tcpdump=$tcpdump" "libpcap0.8=$libpcap" >/dev/null 2>said || { cat said >&2; exit 2; }
for package in ./*.deb; do dpkg-deb -x "$package" tree; done
echo "tcpdump $tcpdump, libpcap0.8 $libpcap, Linux $(uname -r)"
cat >try.py <<'P'
import os, re, signal, socket, subprocess, sys, time
library = os.path.dirname(next(os.path.join(d, f) for d, _, fs in os.walk("tree") for f in fs if f.startswith("libpcap.so")))
program = next(p for p in ("tree/usr/bin/tcpdump", "tree/usr/sbin/tcpdump") if os.path.exists(p))
def run(*argv): subprocess.run(argv, check=True)
run("ip", "link", "set", "lo", "up")
run("ip", "link", "add", "va", "type", "veth", "peer", "name", "vb")
for name in ("va", "vb"): run("ip", "link", "set", name, "up")
run("ip", "addr", "add", "10.77.0.1/24", "dev", "va")
run("ip", "neigh", "add", "10.77.0.2", "lladdr", "02:00:00:00:00:01", "dev", "va")
def kept(interface, address, *options):
    argv = [program, "-i", interface, "-n", "-p", "-U", "-Z", "root", *options, "-w", "out.pcap", "udp and port 9999"]
    child = subprocess.Popen(argv, stderr=subprocess.PIPE, env={**os.environ, "LD_LIBRARY_PATH": library})
    said = b""
    while b"listening" not in said: said += child.stderr.readline()
    child.send_signal(signal.SIGSTOP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(2000): sock.sendto(bytes(20), (address, 9999))
    child.send_signal(signal.SIGCONT)
    time.sleep(2)
    child.send_signal(signal.SIGINT)
    return int(re.search(rb"(\d+) packets? captured", child.communicate(timeout=10)[1])[1])
right = True
for least, most, *case in (
    (2000, 2000, "va", "10.77.0.2"),
    (8, 40, "va", "10.77.0.2", "--immediate-mode"),
    (4, 20, "lo", "127.0.0.1", "--immediate-mode"),
    (200, 300, "va", "10.77.0.2", "--immediate-mode", "-s", "8000"),
    (400, 600, "va", "10.77.0.2", "--immediate-mode", "-s", "8000", "-B", "4096"),
):
    number = kept(*case)
    right = right and least <= number <= most
    print(f"{number:5} of 2000 kept: tcpdump -i {case[0]} {' '.join(case[2:])}", flush=True)
sys.exit(0 if right else 1)
P
unshare -n python3 try.py
