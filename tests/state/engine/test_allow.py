from __future__ import annotations

import json
from typing import TYPE_CHECKING

from netprobe.state.engine.allow import allow_container, allow_info, allow_network, link_variables
from netprobe.state.engine.docker import parse_containers

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.state.issues import Issues

SECRET = "hunter2"
INSPECT = {
    "Id": "a" * 64,
    "Name": "/app",
    "Path": SECRET,
    "Args": [SECRET],
    "HostsPath": f"/srv/{SECRET}",
    "LogPath": f"/srv/{SECRET}",
    "State": {
        "Status": "running",
        "Pid": 7,
        "Error": SECRET,
        "Health": {"Status": "starting", "FailingStreak": 2, "Log": [{"ExitCode": 1, "Output": SECRET}]},
    },
    "RestartCount": 4,
    "Mounts": [{"Source": SECRET}],
    "HostConfig": {"Binds": [SECRET], "NetworkMode": "default", "Links": ["/db:/app/db-1"], "PortBindings": {}},
    "Config": {
        "Image": "app",
        "Env": [f"PASSWORD={SECRET}", f"DB_1_ENV_PASSWORD={SECRET}", f"DB_1_PORT={SECRET}", "DB_1_PORT=tcp://172.17.0.2:5432"],
        "Cmd": [SECRET],
        "Entrypoint": [SECRET],
        "Labels": {
            "com.docker.compose.project": "shop",
            "com.docker.compose.service": "app",
            "com.docker.compose.project.working_dir": SECRET,
            "token": SECRET,
        },
    },
    "NetworkSettings": {
        "SandboxKey": f"/run/{SECRET}/netns/0123456789ab",
        "Ports": {},
        "Networks": {"bridge": {"IPAddress": "172.17.0.3", "DriverOpts": {"x": SECRET}, "IPAMConfig": {"LinkLocalIPs": [SECRET]}}},
    },
}  # fmt: skip


def test_no_secret_and_no_path_is_kept() -> None:
    environ = [f"DB_1_NAME={SECRET}", "DB_1_NAME=/app/db-1", "DB_1_PORT_5432_TCP_ADDR=172.17.0.2", f"HOME={SECRET}"]
    kept = allow_container(INSPECT, environ)
    assert SECRET not in json.dumps(kept)
    assert kept["NetworkSettings"]["SandboxKey"] == "0123456789ab"
    assert kept["Config"]["Labels"] == {"com.docker.compose.project": "shop", "com.docker.compose.service": "app"}
    assert kept["LinkEnv"] == [
        "DB_1_PORT=tcp://172.17.0.2:5432",
        "DB_1_NAME=/app/db-1",
        "DB_1_PORT_5432_TCP_ADDR=172.17.0.2",
    ]


def test_what_is_kept_parses_as_the_whole_does(issues: Issues) -> None:
    ((whole,), (kept,)) = (
        parse_containers(json.dumps([each]), issues) or () for each in (INSPECT, allow_container(INSPECT))
    )
    assert whole == kept
    assert whole.link_env == {"DB_1_PORT": "tcp://172.17.0.2:5432"}


def test_link_variables_are_of_links_only() -> None:
    assert link_variables(["DB_NAME=/a/db", "DB_PORT=80"], []) == {}
    assert link_variables(["DB_NAME=/a/db", "DBX_NAME=/a/dbx", "DB_PORT_80_TCP_PROTO=tcp", "DB_HOST=h"], ["db"]) == {
        "DB_NAME": "/a/db",
        "DB_PORT_80_TCP_PROTO": "tcp",
    }
    assert link_variables(["DB_PORT=cafe", "DB_NAME=../../x"], ["db"]) == {}


def test_networks_and_info() -> None:
    network = {
        "Name": "n",
        "Labels": {"x": SECRET},
        "Options": {"parent": "eth1", "com.docker.network.bridge.name": "br9", "token": SECRET},
        "IPAM": {"Options": {"x": SECRET}, "Config": [{"Subnet": "10.0.0.0/8"}]},
        "Containers": {"id": {"Name": "a", "Secret": SECRET}},
        "ConfigFrom": {"Network": SECRET},
    }
    kept = allow_network(network)
    assert SECRET not in json.dumps(kept)
    assert kept["Options"] == {"parent": "eth1", "com.docker.network.bridge.name": "br9"}
    assert allow_info({"Name": "h", "DockerRootDir": f"/{SECRET}", "HttpProxy": SECRET}) == {"Name": "h"}


def test_empty_answers() -> None:
    assert allow_container({}) == {}
    assert allow_container({"Config": None, "NetworkSettings": {"Networks": {}}, "HostConfig": None})
    assert allow_network({"IPAM": None, "Options": None, "Containers": None}) == {"IPAM": {"Config": []}}


def test_the_samples_hold_no_environment(sample: Callable[[str], str]) -> None:
    text = sample("server2/containers")
    assert "SECRET" not in text
    assert '"Env"' not in text
    assert all(
        not value.startswith("/") for each in json.loads(text) for value in [each["NetworkSettings"]["SandboxKey"]]
    )
