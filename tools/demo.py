"""`make demo`: netprobe explains a published port in the lab; where no lab can be, it replays the same experiment.

Only a lab that cannot exist here (no root, no namespaces, no packages) is replaced by the saved evidence, said in one
line, and with CI=true not even that. A lab that was up stays up, with its containers.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from netprobe.errors import NetprobeError
from netprobe_lab.errors import LabImpossible
from netprobe_lab.experiments import experiment
from netprobe_lab.layout import Lab, this_lab
from netprobe_lab.lifecycle import check_possible, down, is_up, up
from netprobe_lab.run import PATH
from netprobe_lab.steps import carry_out, on_host

DEMO = experiment("demo")
CAPTURE = Path(__file__).resolve().parents[1] / "captures" / f"{DEMO.name}.pcapng"


def netprobe(*arguments: str) -> int:
    """Run netprobe's command line, shown as it would be typed; return its exit code."""
    print(f"$ netprobe {' '.join(arguments)}", flush=True)
    environment = dict(os.environ, PATH=f"{os.environ.get('PATH', '')}:{PATH}")
    return subprocess.run([sys.executable, "-m", "netprobe", *arguments], check=False, env=environment).returncode


def say(text: str) -> None:
    """Tell what is going on, on stderr."""
    print(f"demo: {text}", file=sys.stderr, flush=True)


def demo_in(lab: Lab) -> int:
    """Explain the demo in a lab that is up; a container named demo that is there is used as it is."""
    names = on_host(lab, "server2", ["docker", "ps", "--format", "{{.Names}}"]).stdout.split()
    mine = "demo" not in names
    try:
        if mine:
            say("docker run -d --name demo -p 80:80 nginx, on server2")
            for step in DEMO.set_up:
                carry_out(lab, step)
        return netprobe("explain", *DEMO.explain, "--hosts", "lab")
    finally:
        if mine:
            on_host(lab, "server2", ["docker", "rm", "--force", "demo"], check=False)


def live() -> int:
    """Bring the lab up, explain, and take the lab down again if it was not up before."""
    check_possible()
    lab = this_lab()
    was_up = is_up(lab)
    try:
        up(lab, lambda step: say(f"lab: {step}"))
        return demo_in(lab)
    finally:
        if not was_up:
            down(lab, lambda _: None)


def main() -> int:
    """Run the demo; return the exit code."""
    try:
        return live()
    except LabImpossible as why:
        if os.environ.get("CI") == "true":
            say(f"error: {why.message} ({why.hint})")
            return why.exit_code
        say(f"no lab here ({why.message}): replaying the saved evidence of the same experiment")
        return netprobe("replay", os.path.relpath(CAPTURE))
    except NetprobeError as fault:
        say(f"error: {fault.message} ({fault.hint})")
        return fault.exit_code


if __name__ == "__main__":
    sys.exit(main())
