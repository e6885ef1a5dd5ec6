"""Certificates for the lab's TLS servers, made when an experiment needs them, by an authority of the lab's own.

netprobe's probe runs on the lab's hosts with this machine's trust store, which nobody touches: :func:`trusted` is handed to netprobe as
SSL_CERT_FILE, which OpenSSL takes in its place.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from netprobe_lab.run import run

if TYPE_CHECKING:
    from pathlib import Path

    from netprobe_lab.experiments.model import Certified
    from netprobe_lab.layout import Lab

_RSA = ("-newkey", "rsa:2048", "-nodes")
_CONFIG = """\
[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
policy = any
default_md = sha256
copy_extensions = copy
rand_serial = yes
unique_subject = no
[any]
commonName = optional
"""


def folder(lab: Lab) -> Path:
    """Where a lab's certificates are: gone after `down`."""
    return lab.run_dir / "tls"


def trusted(lab: Lab) -> Path:
    """The certificate of the lab's authority; it is there once the first of its certificates was made."""
    return folder(lab) / "lab.pem"


def make(lab: Lab, wanted: Certified) -> Path:
    """Make a certificate, and return the folder that holds ``cert.pem`` (with what signed it), ``key.pem`` and ``ca.pem``.

    Raises:
        LabImpossible: there is no openssl.
        LabError: it failed.
    """
    place = folder(lab)
    place.mkdir(parents=True, exist_ok=True)
    _authority(lab, "lab")
    made = place / f"{wanted.host}-{wanted.container}"
    made.mkdir(exist_ok=True)
    signer = wanted.signer if wanted.signer != "itself" else "lab"
    _authority(lab, signer)
    _request(lab, made, wanted)
    begins, ends = (datetime.now(UTC) + timedelta(days=days) for days in (wanted.begins, wanted.ends))
    stamp = "%Y%m%d%H%M%SZ"
    signing: list[str | Path] = ["-cert", place / f"{signer}.pem", "-keyfile", place / f"{signer}.key"]
    if wanted.signer == "itself":
        signing = ["-selfsign", "-keyfile", made / "key.pem"]
    argv = ["openssl", "ca", "-batch", "-notext", "-config", place / "openssl.cnf", *signing]
    argv += ["-startdate", begins.strftime(stamp), "-enddate", ends.strftime(stamp)]
    run(lab, ["env", "-C", place, *argv, "-in", made / "request.pem", "-out", made / "cert.pem"])
    (made / "ca.pem").write_bytes((place / "lab.pem").read_bytes())
    return made


def _authority(lab: Lab, name: str) -> None:
    """An authority's certificate and key, made once."""
    place = folder(lab)
    if (place / f"{name}.pem").is_file():
        return
    (place / "openssl.cnf").write_text(_CONFIG)
    (place / "index.txt").touch()
    argv = ["openssl", "req", "-x509", *_RSA, "-days", "3650", "-subj", f"/CN={name} authority"]
    run(lab, [*argv, "-keyout", place / f"{name}.key", "-out", place / f"{name}.pem"])


def _request(lab: Lab, made: Path, wanted: Certified) -> None:
    """A key, and the request to sign it."""
    names = ",".join(name if ":" in name else f"DNS:{name}" for name in wanted.names)
    argv = ["openssl", "req", *_RSA, "-subj", f"/CN={wanted.names[0].rpartition(':')[2]}"]
    argv += ["-addext", f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE"]
    run(lab, [*argv, "-keyout", made / "key.pem", "-out", made / "request.pem"])
