#!/bin/sh
# Wireshark reads a gzip file that is padded with zeros as damaged, and of a small one shows bytes that are not in the capture.
#
# Versions: wireshark-common, libwiretap13 and libwsutil14 4.0.17-0+deb12u3 of Debian 12, amd64.
#
# What happens: what is copied from a tape or in blocks may end with zeros; gzip passes over them without a word ("Tapes" in its manual), and
# so does everything that reads through it. libwiretap (wiretap/file_wrappers.c) looks for another gzip header there, finds none, and goes on
# as if the rest were uncompressed data that belongs to the capture. So editcap, capinfos, tshark and Wireshark say "damaged or corrupt" of a
# capture that is whole. Where all of it fits into the first reads, opening the file reaches the zeros already; going back to the first packet
# then takes bytes of the compressed file for packets: with one or two packets, what is shown was never on the wire.
#
# What helps: gunzip -c FILE | tshark -r -
#
# It is measured with editcap: packets of a known capture, gzipped and padded, written out again and compared. The packages are unpacked into
# a temporary folder; the libraries that they need besides are those of an installed tshark. Needs Debian 12 and python3.
# Exit status: 0 as said here, 1 something else was seen, 2 could not be run.
#
# Seen:
#    2 packets:    2 came out of the file as it is,    2 of them right
#    2 packets:    2 came out of the padded file,    0 of them right, damaged or corrupt
#  100 packets:  100 came out of the file as it is,  100 of them right
#  100 packets:  100 came out of the padded file,  100 of them right, damaged or corrupt
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
version=4.0.17-0+deb12u3
apt-get download -q "wireshark-common=$version" "libwiretap13=$version" "libwsutil14=$version" >/dev/null 2>said || { cat said >&2; exit 2; }
for package in ./*.deb; do dpkg-deb -x "$package" tree; done
echo "wireshark-common, libwiretap13, libwsutil14 $version"
cat >try.py <<'P'
import glob, gzip, os, struct, subprocess, sys
library = os.path.dirname(glob.glob("tree/usr/lib/*/libwiretap.so.*")[0])
def packet(number): return bytes.fromhex("45000014") + struct.pack(">H", number) + bytes.fromhex("0000403c00000a0000010a000002")
def capture(count):
    records = (struct.pack("<IIII", 1700000000, n, 20, 20) + packet(n) for n in range(count))
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101) + b"".join(records)
right = True
for count, padding, kept in ((2, 0, 2), (2, 512, 0), (100, 0, 100), (100, 512, 100)):
    with open("in.pcap.gz", "wb") as file: file.write(gzip.compress(capture(count)) + bytes(padding))
    subprocess.run(["gunzip", "-t", "in.pcap.gz"], check=True)
    argv = ["tree/usr/bin/editcap", "-F", "pcap", "in.pcap.gz", "out.pcap"]
    done = subprocess.run(argv, stderr=subprocess.PIPE, env={**os.environ, "LD_LIBRARY_PATH": library})
    if not os.path.exists("out.pcap"): print(done.stderr.decode(), file=sys.stderr); sys.exit(2)
    with open("out.pcap", "rb") as file: out = file.read()[24:]
    packets = [out[at + 16 : at + 36] for at in range(0, len(out), 36)]
    good = sum(each == packet(number) for number, each in enumerate(packets))
    said = b"damaged or corrupt" in done.stderr
    right = right and (len(packets), good, said) == (count, kept, padding > 0)
    what = "of the padded file" if padding else "of the file as it is"
    print(f"{count:4} packets: {len(packets):4} came out {what}, {good:4} of them right" + ", damaged or corrupt" * said)
sys.exit(0 if right else 1)
P
python3 try.py
