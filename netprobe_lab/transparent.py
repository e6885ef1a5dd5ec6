"""A transparent proxy: takes TCP connections whomever they are for (IP_TRANSPARENT), and keeps them open, silent.

Started as a file, with the standard library alone, by `steps.carry_out`, in a host's namespace. Which connections it gets, rules of TPROXY and routing say.
"""

from __future__ import annotations

import json
import socket
import sys

SECONDS = 120.0  # it ends by itself
_IP_TRANSPARENT = 19  # linux/in.h; Python 3.11's socket module does not name it


def main() -> None:
    """Say `ready` on stdout once it listens, then take connections until the time is over."""
    port = json.loads(sys.argv[1])["port"]
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_IP, _IP_TRANSPARENT, 1)
        sock.bind(("", port))
        sock.listen()
        sock.settimeout(SECONDS)
        print("ready", flush=True)
        kept = []
        while True:
            try:
                kept.append(sock.accept())
            except TimeoutError:
                return


if __name__ == "__main__":
    main()
