"""What an application answers by HTTP: statuses that count as failures, redirects, odd responses, and other protocols."""

from __future__ import annotations

import base64
from typing import Final

from netprobe_lab.experiments.model import Expected, Experiment, Step, WaitPort, fails, on, start

_ASK: Final = ("web:80", "--from", "server1", "--proto", "http")
_FAIL: Final = (*_ASK, "--fail")
_PUBLISHED: Final = "-p 8080:80"
_WORKS: Final = Expected(verdict="works", path="dnat", resolution="inventory", target_sees="192.168.3.201")
_NET: Final = on("server2", "docker network create --subnet 172.28.7.0/24 shop")
_PLAIN: Final = start("web", "nginx", options=_PUBLISHED, port=80)


def _nginx(server: str, *, options: str = _PUBLISHED) -> tuple[Step, ...]:
    """Run nginx whose one server has these lines instead of its pages."""
    edit = f'sed -i "s#root /usr/share/nginx/html;#{server}#" /etc/nginx/nginx.conf'
    return start(
        "web", "nginx", options=options, command=f"sh -c '{edit}; exec nginx -e stderr -g \"daemon off;\"'", port=80
    )


def _serving(script: str) -> tuple[Step, ...]:
    """A server that runs this script of sh for each connection; as base64, so that nothing of it needs to be quoted."""
    packed = base64.b64encode(script.encode()).decode()
    serve = f'echo {packed} | base64 -d >/serve; exec socat TCP-LISTEN:80,fork,reuseaddr "EXEC:sh /serve"'
    return start("web", "busyboxplus", options=_PUBLISHED, command=f"sh -c '{serve}'", port=80)


def _api(port: int) -> tuple[Step, ...]:
    serve = f"busybox httpd -f -p {port} -h /usr/share/nginx/html"
    return start("api", "nginx", options="--network shop", command=serve, port=port)


_PROXY: Final = (
    *_NET,
    *_api(8001),
    *_nginx("location / { proxy_pass http://api:8000; }", options=f"--network shop {_PUBLISHED}"),
)
_BY_NAME: Final = _nginx("if (\\$host != shop.test) { return 404; } root /usr/share/nginx/html;")

_STATUS: Final = (
    Experiment(
        name="http-status",
        title="--fail, and a reverse proxy whose upstream listens on another port: 502",
        explain=_FAIL,
        expected=fails("http-status", path="dnat", resolution="inventory"),
        set_up=_PROXY,
        near_miss=("app-silent", "app-not-listening"),
        cure=(
            *on("server2", "docker rm -f api"),
            *_api(8000),
            *on("server2", "docker restart --time 1 web"),
            WaitPort(host="server2", container="web", port=80),
        ),
    ),
    Experiment(
        name="http-status-not-asked",
        title="the same without --fail: any response works, and says its status",
        explain=_ASK,
        expected=_WORKS,
        set_up=_PROXY,
        near_miss=("http-status",),
    ),
    Experiment(
        name="http-status-good",
        title="--fail, and a page that is there: 200",
        explain=_FAIL,
        expected=_WORKS,
        set_up=_PLAIN,
        near_miss=("http-status",),
    ),
    Experiment(
        name="http-status-redirect",
        title="--fail, and a redirect: that is no failure, and nothing follows it",
        explain=_FAIL,
        expected=_WORKS,
        set_up=_nginx("return 301 https://shop.test/login?from=\\$host;"),
        near_miss=("http-status",),
    ),
    Experiment(
        name="http-status-name",
        title="--fail, and a server that chooses by the Host name, asked by an address: 404",
        explain=("http://192.168.3.202:8080/a?b=c", "--from", "server1", "--fail"),
        expected=fails("http-status", path="dnat"),
        set_up=_BY_NAME,
        near_miss=("port-not-published",),
        asked_then=("http://192.168.3.202:8081/", "--from", "server1", "--fail"),
        cure=(
            *on("server2", "docker rm -f web"),
            *_nginx("if (\\$host != 192.168.3.202) { return 404; } root /usr/share/nginx/html;", options="-p 8081:80"),
        ),
    ),
    Experiment(
        name="http-status-client",
        title="--fail through docker-proxy, and a server with rules for addresses: it sees the gateway's, 403",
        explain=("http://127.0.0.1:8080/", "--from", "server2", "--fail"),
        expected=fails("http-status", path="docker-proxy"),
        set_up=_nginx("deny 172.17.0.1; root /usr/share/nginx/html;"),
    ),
)
_READ: Final = 'while read -r line; do [ "${#line}" -gt 1 ] || break; done'  # a request, to the empty line behind it
_ALERT: Final = r"\025\003\001\000\002\002\106"  # fatal, protocol_version (RFC 8446 §5.1, §6.2)
_HINTS: Final = r"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
_BUSY: Final = r"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
_ODD: Final = (
    Experiment(
        name="http-interim",
        title="--fail, and an interim response before the final one: the final one counts, 503",
        explain=_FAIL,
        expected=fails("http-status", path="dnat", resolution="inventory"),
        set_up=_serving(f"{_READ}; printf '{_HINTS}{_BUSY}'; sleep 1"),
    ),
    Experiment(
        name="http-many-fields",
        title="a response with 300 header fields, lines that end in LF alone, and no length: it works",
        explain=_ASK,
        expected=_WORKS,
        set_up=_serving(f"{_READ}; echo HTTP/1.1 200 OK; seq 300 | sed 's/^/X-Field: /'; echo; echo text"),
        near_miss=("not-http",),
    ),
    Experiment(
        name="not-http",
        title="the port is another service's: SSH",
        explain=_ASK,
        expected=fails("not-http", path="dnat", resolution="inventory"),
        set_up=_serving("echo SSH-2.0-OpenSSH_9.2p1; sleep 9"),
        near_miss=("app-silent", "mtu-blackhole"),
        asked_then=("web:80", "--from", "server1"),
    ),
    Experiment(
        name="not-http-tls",
        title="the port speaks TLS: it answers a plain request with an alert",
        explain=("http://127.0.0.1:8080/", "--from", "server2"),
        expected=fails("not-http", path="docker-proxy"),
        set_up=_serving(f"{_READ}; printf '{_ALERT}'"),
        near_miss=("app-silent",),
    ),
)
_ENDS: Final = (
    Experiment(
        name="app-silent-closes",
        title="the application takes the request, and closes the connection without a byte",
        explain=_ASK,
        expected=fails("app-silent", path="dnat", resolution="inventory"),
        set_up=_serving(_READ),
        near_miss=("app-not-listening", "not-http", "conntrack-invalid-rst"),
        cure=(*on("server2", "docker rm -f web"), *_PLAIN),
    ),
    Experiment(
        name="app-silent-closes-late",
        title="the same half a second later, behind docker-proxy",
        explain=("http://127.0.0.1:8080/", "--from", "server2"),
        expected=fails("app-silent", path="docker-proxy"),
        set_up=_serving(f"{_READ}; sleep 0.5"),
        near_miss=("not-http",),
    ),
)
HTTP: Final = (*_STATUS, *_ODD, *_ENDS)
