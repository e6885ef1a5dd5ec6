"""https: handshakes that fail, certificates that clients refuse, and what looks like either and is not."""

from __future__ import annotations

from typing import Final, Literal

from netprobe_lab.experiments.model import (
    HIP,
    Certified,
    DeleteDnat,
    Experiment,
    KillProxy,
    Run,
    Step,
    WaitPort,
    client,
    fails,
    lossy,
    on,
    start,
    works,
)

_ASK: Final = ("https://web/", "--from", "client@server2")
_NET: Final = (*on("server2", "docker network create --subnet 172.28.8.0/24 shop"), *client(options="--network shop"))
_HANDSHAKE, _CERTIFICATE = "tls-handshake-failed", "tls-certificate"
_PUBLISHED: Final = "--network shop -p 8443:443"
_SECURE = "listen 443 ssl; ssl_certificate /certs/cert.pem; ssl_certificate_key /certs/key.pem;"
Signer = Literal["lab", "other", "itself"]


def _certified(
    names: tuple[str, ...] = ("web",), *, begins: int = -10, ends: int = 300, signer: Signer = "lab"
) -> Certified:
    return Certified(host="server2", container="web", names=names, begins=begins, ends=ends, signer=signer)


def _created(image: str, command: str, certificate: Certified, options: str = _PUBLISHED) -> tuple[Step, ...]:
    """A container that has its certificate before it starts, and listens on 443."""
    return (
        Run(host="server2", command=f"docker create --name web {options} {image} {command}"),
        certificate,
        Run(host="server2", command="docker start web"),
        WaitPort(host="server2", container="web", port=443),
    )


def _nginx(
    certificate: Certified, more: str = "", *, listen: str = _SECURE, options: str = _PUBLISHED
) -> tuple[Step, ...]:
    """The real nginx with TLS on 443, and these lines beside."""
    edit = f'sed -i "s#listen 80;#{listen} {more}#" /etc/nginx/nginx.conf'
    command = f"sh -c '{edit}; exec nginx -e stderr -g \"daemon off;\"'"
    return _created("nginx", command, certificate, options)


def _socat(listen: str, then: str, certificate: Certified | None = None) -> tuple[Step, ...]:
    """A server that does this with each connection."""
    command = f"socat {listen},fork,reuseaddr \"SYSTEM:'{then}'\""
    if certificate is None:
        return start("web", "busyboxplus", options=_PUBLISHED, command=command, port=443)
    return _created("busyboxplus", command, certificate)


def _renewed(names: tuple[str, ...] = ("web",)) -> tuple[Step, ...]:
    """What the report advises: a good certificate, and the server started again with it."""
    return (
        _certified(names),
        *on("server2", "docker restart --time 1 web"),
        WaitPort(host="server2", container="web", port=443),
    )


def _refused(name: str, title: str, certificate: Certified, *, cure: tuple[Step, ...] = ()) -> Experiment:
    """One that works, and whose certificate clients refuse."""
    return Experiment(
        name=name,
        title=title,
        explain=_ASK,
        expected=works("bridge", resolution="embedded-dns", findings=(_CERTIFICATE,)),
        set_up=(*_NET, *_nginx(certificate)),
        cure=cure,
        near_miss=(_HANDSHAKE,),
    )


def _failing(name: str, title: str, set_up: tuple[Step, ...], cure: tuple[Step, ...]) -> Experiment:
    """One whose handshake fails."""
    return Experiment(
        name=name,
        title=title,
        explain=_ASK,
        expected=fails(_HANDSHAKE, path="bridge", resolution="embedded-dns"),
        set_up=(*_NET, *set_up),
        cure=cure,
        near_miss=(_CERTIFICATE, "app-silent", "app-not-listening"),
    )


def _instead(*steps: Step) -> tuple[Step, ...]:
    return (*on("server2", "docker rm -f web"), *steps)


_GOOD: Final = _nginx(_certified())

_CERTIFICATES: Final = (
    _refused(
        "tls-certificate",
        "https, and a certificate that expired",
        _certified(begins=-100, ends=-10),
        cure=_renewed(),
    ),
    _refused(
        "tls-certificate-name",
        "https, and a certificate for other names than the one asked for",
        _certified(("shop.test", "www.shop.test")),
        cure=_renewed(("shop.test", "web")),
    ),
    _refused(
        "tls-certificate-self",
        "https, and a certificate that is signed by itself",
        _certified(signer="itself"),
        cure=_renewed(),
    ),
    _refused(
        "tls-certificate-authority",
        "https, and a certificate of an authority that the host that asks does not trust",
        _certified(signer="other"),
        cure=_renewed(),
    ),
    _refused(
        "tls-certificate-early",
        "https, and a certificate that is not valid yet",
        _certified(begins=3, ends=90),
        cure=_renewed(),
    ),
    Experiment(
        name="tls-certificate-good",
        title="https, and a certificate that is as it should be",
        explain=_ASK,
        expected=works("bridge", resolution="embedded-dns"),
        set_up=(*_NET, *_GOOD),
        near_miss=(_CERTIFICATE, _HANDSHAKE),
    ),
    Experiment(
        name="tls-certificate-wildcard",
        title="https, and a wildcard certificate for a network alias: it is good for one more label",
        explain=("https://api.shop.test/", *_ASK[1:]),
        expected=works("bridge", resolution="embedded-dns"),
        set_up=(
            *_NET,
            *_nginx(_certified(("*.shop.test",)), options=f"{_PUBLISHED} --network-alias api.shop.test"),
        ),
        near_miss=(_CERTIFICATE,),
    ),
    Experiment(
        name="tls-certificate-address",
        title="https to an address, and a certificate that has it; from another host, TLS 1.2, the last day of the certificate",
        explain=(f"https://{HIP}:8443/", "--from", "server1"),
        expected=works("dnat"),
        set_up=(*_NET, *_nginx(_certified((f"IP:{HIP}",), ends=1), "ssl_protocols TLSv1.2;")),
        near_miss=(_CERTIFICATE,),
    ),
    Experiment(
        name="tls-certificate-proxied",
        title="https to 127.0.0.1 of the host: docker-proxy carries TLS, and the certificate does not have that address",
        explain=("https://127.0.0.1:8443/", "--from", "server2"),
        expected=works("docker-proxy", findings=(_CERTIFICATE,)),
        set_up=(*_NET, *_GOOD),
        near_miss=(_HANDSHAKE,),
    ),
)

_HANDSHAKES: Final = (
    _failing(
        "tls-handshake-failed",
        "https to a port that speaks plain HTTP",
        _nginx(_certified(), listen="listen 443;"),
        _instead(*_GOOD),
    ),
    _failing(
        "tls-handshake-name",
        "a TLS server that has no certificate for the name that is asked for (nginx: ssl_reject_handshake)",
        _nginx(_certified(("shop.test",)), "ssl_reject_handshake on;"),
        _instead(*_GOOD),
    ),
    _failing(
        "tls-handshake-version",
        "a TLS server that speaks TLS 1.0 alone",
        _nginx(_certified(), "ssl_protocols TLSv1; ssl_ciphers DEFAULT@SECLEVEL=0;"),
        _instead(*_GOOD),
    ),
    _failing(
        "tls-handshake-cipher",
        "a TLS server whose ciphers do not fit its own key",
        _nginx(_certified(), "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;"),
        _instead(*_GOOD),
    ),
    _failing(
        "tls-handshake-client",
        "a TLS server that wants a certificate of the client's: in TLS 1.3 its alert is encrypted",
        _socat(
            "OPENSSL-LISTEN:443,cert=/certs/cert.pem,key=/certs/key.pem,cafile=/certs/ca.pem,verify=1",
            "cat",
            _certified(),
        ),
        _instead(*_GOOD),
    ),
    _failing(
        "tls-handshake-ended",
        "what listens takes the ClientHello and closes, without a word",
        _socat("TCP-LISTEN:443", "head -c 100 > /dev/null"),
        _instead(*_GOOD),
    ),
    _failing(
        "tls-handshake-foreign",
        "https to a port on which a mail server greets",
        _socat("TCP-LISTEN:443", "echo 220 mail.test ESMTP; cat > /dev/null"),
        _instead(*_GOOD),
    ),
)

_NEAR: Final = (
    Experiment(
        name="tls-silent",
        title="what listens takes the ClientHello and stays silent: that is the application's silence",
        explain=(*_ASK, "--timeout", "2"),
        expected=fails("app-silent", path="bridge", resolution="embedded-dns"),
        set_up=(*_NET, *_socat("TCP-LISTEN:443", "cat > /dev/null")),
        near_miss=(_HANDSHAKE,),
    ),
    Experiment(
        name="tls-silent-request",
        title="a TLS server that takes the request and stays silent behind a complete handshake",
        explain=(*_ASK, "--timeout", "2"),
        expected=fails("app-silent", path="bridge", resolution="embedded-dns"),
        set_up=(
            *_NET,
            *_socat(
                "OPENSSL-LISTEN:443,cert=/certs/cert.pem,key=/certs/key.pem,verify=0", "cat > /dev/null", _certified()
            ),
        ),
        near_miss=(_HANDSHAKE, _CERTIFICATE),
    ),
    Experiment(
        name="tls-status",
        title="https, --fail, and a page that is not there: 404 by the prober's word, as all of it is encrypted",
        explain=("https://web/nothing", *_ASK[1:], "--fail"),
        expected=fails("http-status", path="bridge", resolution="embedded-dns"),
        set_up=(*_NET, *_GOOD),
        near_miss=(_HANDSHAKE, _CERTIFICATE),
    ),
    Experiment(
        name="tls-mtu",
        title="a link between the hosts loses what is larger than 1000 bytes: the server's part of the handshake never comes",
        explain=(f"https://{HIP}:8443/", "--from", "server1", "--timeout", "3"),
        expected=fails("mtu-blackhole", path="dnat"),
        set_up=(*_NET, *_GOOD),
        break_=lossy("'ip length > 1000'"),
        near_miss=(_HANDSHAKE, _CERTIFICATE),
    ),
    Experiment(
        name="tls-nobody",
        title="https to a port on which nothing listens",
        explain=("https://web:444/", *_ASK[1:]),
        expected=fails("app-not-listening", path="bridge", resolution="embedded-dns"),
        set_up=(*_NET, *_GOOD),
        near_miss=(_HANDSHAKE,),
    ),
    Experiment(
        name="tls-owned-by-host",
        title="docker-proxy and the DNAT rule are gone, and a process of the host that speaks plain HTTP has the port",
        explain=(f"https://{HIP}:8443/", "--from", "server1"),
        expected=fails("port-owned-by-host"),
        set_up=(
            *_NET,
            *_GOOD,
            KillProxy(host="server2", port=8443),
            DeleteDnat(host="server2", port=8443),
            *start("other", "busybox", options="--network host", command="httpd -f -p 8443", port=8443),
        ),
        near_miss=(_HANDSHAKE,),
    ),
    Experiment(
        name="tls-asked-plain",
        title="plain HTTP to a TLS port: nginx answers 400, and says why",
        explain=("http://web:443/", *_ASK[1:]),
        expected=works("bridge", resolution="embedded-dns"),
        set_up=(*_NET, *_GOOD),
        near_miss=(_HANDSHAKE,),
    ),
)

TLS: Final = (*_CERTIFICATES, *_HANDSHAKES, *_NEAR)
