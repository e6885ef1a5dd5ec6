"""Chapter 1 of the tutorial: containers talking to each other, and to the outside. On server2."""

from __future__ import annotations

from typing import Final

from netprobe.model.report import PathCode
from netprobe.report.language import N_
from netprobe_lab.experiments.model import Run, on, start
from netprobe_lab.tour.conditions import AllOf, Failed, Passed, Printed, SameText, Went
from netprobe_lab.tour.model import Claim, ClaimPart, LookAt, Ruling, TourPart, TourQuestion, TourStep

_HOST: Final = "server2"
_ADDRESS: Final = '"{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"'
_WHOLE: Final = r"^(\S+)$"
_VARIABLE: Final = ("env-after", r"^NGINX_PORT_80_TCP_ADDR=(\S+)$")


def _idle(name: str, options: str, image: str = "busybox") -> Run:
    return Run(host=_HOST, command=f"docker run -d --name {name} {options} {image} sleep 1000000")


def _look(name: str, command: str, keep: str = "") -> LookAt:
    return LookAt(name=name, host=_HOST, command=command, keep=keep)


def _inspect(name: str, container: str) -> LookAt:
    return _look(name, f"docker inspect --format {_ADDRESS} {container}")


_NAMES: Final = TourStep(
    name="names",
    title=N_("Names between containers"),
    note=N_(
        "The tutorial gives no commands here. The images are the lab's own: nothing is pulled. Containers that the tutorial opens a shell in (-it) run in the background "
        "here, and are asked by netprobe or docker exec."
    ),
    actions=(
        *start("demo", "nginx", port=80),
        Run(host=_HOST, command="docker network create --subnet 172.31.0.0/24 app"),
        *start("web", "nginx", options="--network app", port=80),
        _idle("asker", "--network app"),
        _idle("other", ""),
        TourQuestion(name="dns-on-app", about=N_("asker (network app) asks its DNS server for web"), target="web", source="asker@server2", proto="dns"),
        TourQuestion(name="name-on-app", about=N_("asker (network app) to web, by name"), target="web:80", source="asker@server2"),
        TourQuestion(name="address-on-bridge", about=N_("other (default bridge) to demo, by address"), target="{demo}:80", source="other@server2"),
        TourQuestion(name="name-on-bridge", about=N_("other (default bridge) to demo, by name"), target="demo:80", source="other@server2"),
        Run(host=_HOST, command="docker rm --force asker other web"),
    ),
    claims=(
        Claim(
            name="names",
            text=N_("Besides addresses, containers reach each other by name: since Docker 1.10 a DNS server is built in. It works on user-defined networks only."),
            parts=(
                ClaimPart(
                    about=N_("on a user-defined network, by name: Docker's DNS server answers"),
                    condition=AllOf(of=(
                        Went(question="dns-on-app", by=(PathCode.EMBEDDED_DNS,)),
                        Went(question="name-on-app", by=(PathCode.BRIDGE,), resolution="embedded-dns"),
                    )),
                ),
                ClaimPart(about=N_("on the default bridge, by address"), condition=Went(question="address-on-bridge", by=(PathCode.BRIDGE,))),
                ClaimPart(about=N_("on the default bridge the name is not known"), condition=Failed(question="name-on-bridge", causes=("dns-no-shared-network",))),
            ),
            declared=Ruling.HOLDS,
            lesson=N_("127.0.0.11 answers inside of the container's own network namespace, and knows the names of its user-defined networks. Which release brought it is not tested here."),
        ),
    ),
)  # fmt: skip

_SHARED: Final = TourStep(
    name="shared",
    title=N_("One network namespace for two containers"),
    tutorial=("docker run -it --rm --network container:demo busybox", "ip addr", "netstat -antlp"),
    actions=(
        _idle("shared", "--network container:demo"),
        _look("shared-addr", "docker exec shared ip addr show eth0", "inet "),
        LookAt(name="demo-addr", host=_HOST, command="ip addr show eth0", container="demo", keep="inet "),
        _look("shared-netstat", "docker exec shared netstat -antl", r"LISTEN|Proto"),
        TourQuestion(name="localhost", about=N_("shared to localhost:80"), target="localhost:80", source="shared@server2"),
        Run(host=_HOST, command="docker rm --force shared"),
    ),
    claims=(
        Claim(
            name="shared",
            text=N_("The new container has exactly demo's address. The two share one network stack and talk over localhost."),
            parts=(
                ClaimPart(
                    about=N_("both show one address"),
                    condition=SameText(one=("shared-addr", r"inet (\S+)"), other=("demo-addr", r"inet (\S+)")),
                ),
                ClaimPart(
                    about=N_("demo's listening port 80 is there in the new container"),
                    condition=Printed(output="shared-netstat", pattern=r":80\s.*LISTEN"),
                ),
                ClaimPart(
                    about=N_("localhost reaches demo's nginx, over lo alone"),
                    condition=AllOf(of=(
                        Went(question="localhost", by=(PathCode.SHARED_NETNS,)),
                        Passed(question="localhost", at="/lo$", never="/(?!lo$)[^/]+$"),
                    )),
                ),
            ),
            declared=Ruling.HOLDS,
            lesson=N_("There is one namespace, so there is one eth0, one routing table and one set of ports: two servers there cannot both take port 80."),
        ),
    ),
)  # fmt: skip

_LINK: Final = TourStep(
    name="link",
    title=N_("--link: two names for one container"),
    tutorial=(
        "docker run -d --name demo nginx",
        "docker run -it --rm --link demo:nginx busybox",
        "env",
        "ping demo",
        "ping nginx",
        "cat /etc/hosts",
    ),
    note=N_("demo runs since the first step."),
    actions=(
        _idle("linked", "--link demo:nginx"),
        _look("env", "docker exec linked env", "^NGINX_PORT"),
        _look("etc-hosts", "docker exec linked cat /etc/hosts", "demo"),
        TourQuestion(name="ping-demo", about=N_("linked pings demo"), target="demo", source="linked@server2"),
        TourQuestion(name="ping-nginx", about=N_("linked pings nginx"), target="nginx", source="linked@server2"),
    ),
    claims=(
        Claim(
            name="link",
            text=N_("Both names work: the container's own, demo, and the alias, nginx."),
            parts=(
                ClaimPart(about="demo", condition=Went(question="ping-demo", resolution="hosts-file", reached="demo")),
                ClaimPart(about="nginx", condition=Went(question="ping-nginx", resolution="hosts-file", reached="demo")),
            ),
            declared=Ruling.HOLDS,
            lesson=N_("--link writes both names into /etc/hosts of the new container. No DNS server is asked, so they work on the default bridge, too."),
        ),
    ),
)  # fmt: skip

_CHANGED: Final = TourStep(
    name="address-changes",
    title=N_("The address changes hands"),
    tutorial=("docker stop demo", "docker run -d --name demo2 nginx", "docker start demo", "ping nginx", "env"),
    note=N_(
        "The tutorial types env in a shell that was left running. Here the environment of the process that was left running is read, /proc/1/environ: docker exec starts a new process, to which "
        "the engine gives the variables anew, as is shown, too."
    ),
    actions=(
        _inspect("old", "demo"),
        Run(host=_HOST, command="docker stop demo"),
        *start("demo2", "nginx", port=80),
        _inspect("of-demo2", "demo2"),
        *on(_HOST, "docker start demo"),
        _inspect("new", "demo"),
        TourQuestion(name="ping-nginx-after", about=N_("linked pings nginx again"), target="nginx", source="linked@server2"),
        _look("env-after", "docker exec linked sh -c \"tr '\\0' '\\n' < /proc/1/environ\"", "^NGINX_PORT_80_TCP_ADDR"),
        _look("env-anew", "docker exec linked env", "^NGINX_PORT_80_TCP_ADDR"),
        TourQuestion(name="by-variable", about=N_("linked to the address of NGINX_PORT_80_TCP_ADDR"), target="{old}:80", source="linked@server2"),
    ),
    claims=(
        Claim(
            name="address-taken",
            text=N_("demo2 takes the address of the stopped demo; started again, demo has another one."),
            parts=(
                ClaimPart(
                    about=N_("demo2 has demo's old address, and answers there"),
                    condition=AllOf(of=(
                        SameText(one=("old", _WHOLE), other=("of-demo2", _WHOLE)),
                        Went(question="by-variable", reached="demo2"),
                    )),
                ),
                ClaimPart(about=N_("demo has another address"), condition=SameText(one=("old", _WHOLE), other=("new", _WHOLE), differ=True)),
            ),
            declared=Ruling.HOLDS,
            lesson=N_("A stopped container keeps no address: the next container gets the lowest one that is free."),
        ),
        Claim(
            name="name-follows",
            text=N_("In the container that was left running, ping nginx follows by itself; the variables in env do not."),
            parts=(
                ClaimPart(about=N_("the name leads to demo's new address"), condition=Went(question="ping-nginx-after", resolution="hosts-file", reached="demo")),
                ClaimPart(
                    about=N_("the variable has the old address, which now reaches demo2"),
                    condition=AllOf(of=(
                        SameText(one=("old", _WHOLE), other=_VARIABLE),
                        Went(question="by-variable", reached="demo2"),
                    )),
                ),
            ),
            declared=Ruling.HOLDS,
            lesson=N_("The engine rewrites /etc/hosts of a running container when what it is linked to starts; a process's environment nobody can rewrite."),
        ),
    ),
)  # fmt: skip

_OUTSIDE: Final = TourStep(
    name="snat",
    title=N_("From a container to the outside"),
    note=N_("The tutorial gives no command here. The outside is a host of the lab, 203.0.113.10, which stands for the internet."),
    actions=(
        _look("postrouting", "iptables -t nat -nL POSTROUTING", "MASQUERADE"),
        TourQuestion(name="outside", about=N_("linked to the outside host, 203.0.113.10:80"), target="203.0.113.10:80", source="linked@server2"),
    ),
    claims=(
        Claim(
            name="snat",
            text=N_("Containers reach the outside through iptables SNAT."),
            parts=(
                ClaimPart(
                    about=N_("what leaves eth0 has the host's address as its source"),
                    condition=AllOf(of=(
                        Went(question="outside", by=(PathCode.MASQUERADE,)),
                        Printed(output="postrouting", pattern="MASQUERADE"),
                    )),
                ),
            ),
            declared=Ruling.HOLDS,
            lesson=N_("The rule's target is MASQUERADE: the kind of SNAT that takes the address of the interface by which the packet leaves."),
        ),
    ),
)  # fmt: skip

CONTAINERS: Final = TourPart(title=N_("1. Containers talking"), steps=(_NAMES, _SHARED, _LINK, _CHANGED, _OUTSIDE))
