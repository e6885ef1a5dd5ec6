"""The probe's own socket."""

from __future__ import annotations

import os
import socket

from netprobe.hosts.remote.sockets import _source_of

_ASKED = {"address": "127.0.0.1", "proto": "https", "port": 443}


def test_a_socket_that_tls_took_for_its_own_has_sent_from_the_address_that_routing_gives() -> None:
    sock = socket.socket()
    os.close(sock.detach())
    assert _source_of(sock, _ASKED) == "127.0.0.1"


def test_a_connected_socket_has_an_address_of_its_own() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server, socket.create_connection(server.getsockname()) as sock:
        assert _source_of(sock, _ASKED) == sock.getsockname()[0]
