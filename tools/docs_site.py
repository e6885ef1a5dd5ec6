"""The docs as a site: `make docs`. A page a command and a cause, out of help texts and docstrings, beside the pages that are in the repository.

Pages are made in build/docs/pages and not committed: what they say stands in one place, in the code. The commands on them are run as they are
made, and what they print is what is shown; one that ends otherwise than it should ends the build.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netprobe.causes.catalogue import CAUSES, TRAFFIC
from netprobe.causes.explanation import explanation_of
from netprobe.cli import cli
from netprobe.cli.man import each_command, top
from netprobe.commands.causes import examples
from netprobe_lab.cli import lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.explanation import Explanation

ROOT = Path(__file__).resolve().parent.parent
KEPT = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "captures/INDEX.md",
    "docs/netprobe.ipynb",
    "docs/pytest-example/README.md",
    *(f"docs/{each.name}" for each in (ROOT / "docs").iterdir() if each.suffix in {".webp", ".svg"}),
)
_TO_A_CAPTURE = re.compile(r"\[([^\]]+)\]\([^)]+\.pcapng\)")  # files of the repository, and no part of the site
RUNS: dict[str, list[tuple[int, str]]] = {
    "replay": [
        (1, "netprobe replay captures/docker-user-drop.pcapng"),
        (1, "netprobe replay -q captures/docker-user-drop.pcapng"),
    ],
    "flows": [
        (0, "netprobe flows captures/truth-http-lan-normal.pcapng"),
        (0, "netprobe flows captures/truth-http-lan-normal.pcapng --where 'bytes > 100' --format csv --top 1"),
    ],
    "diff": [(1, "netprobe diff captures/demo.pcapng captures/docker-user-drop.pcapng")],
    "causes": [(0, "netprobe causes docker-user-drop")],
    "topology": [
        (0, "netprobe topology captures/demo.pcapng"),
        (0, "netprobe topology captures/demo.pcapng --format mermaid"),
    ],
    "ps": [(0, "netprobe ps captures/demo.pcapng")],
    "schema": [(0, "netprobe schema causes")],
    "completion": [(0, "netprobe completion bash")],
    "annotate": [
        (
            0,
            "netprobe annotate captures/docker-user-drop.pcapng -o - 2>/dev/null | grep -aom1 'SYN, 2nd copy; last seen[ -~]*'",
        ),
        (1, "netprobe annotate captures/docker-user-drop.pcapng -o - 2>/dev/null | netprobe replay -q -"),
    ],
    "man": [(0, "netprobe man | head -6")],
    "explain": [],
    "hosts": [],
    "lab": [(0, "netprobe lab list --groups"), (0, "netprobe lab list dns")],
}
"""By command: exit code and command line, for a shell at the repository's root. What needs hosts is run in the lab, by its tests and for the README."""
RECORDED: dict[str, tuple[str, ...]] = {"explain": ("demo", "demo-fails"), "hosts": ("hosts",), "lab": ("truth-table",)}
"""By command: blocks of the README, which tools/readme.py fills from runs in the lab."""


def main() -> int:
    """Make the pages, and the site of them; return an exit code. An argument names another folder than build/docs."""
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "build" / "docs"
    make_pages(folder / "pages")
    return build(folder)


def build(folder: Path) -> int:
    """Build the site strictly: a link that leads nowhere fails. Returns mkdocs' exit code."""
    config = folder / "mkdocs.yml"
    text = (ROOT / "docs" / "mkdocs.yml").read_text()
    config.write_text(text.replace("../build/docs/", f"{folder}/"))
    argv = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(config)]
    plain = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(argv, check=False, cwd=folder, env=plain, capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(done.stderr)
    return done.returncode


def make_pages(folder: Path) -> None:
    """Write all pages into a folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in KEPT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    index = folder / "captures" / "INDEX.md"
    index.write_text(_TO_A_CAPTURE.sub(r"`\1`", index.read_text()))
    pages = {**dict(_commands()), **dict(_causes())}
    for name, text in pages.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    lists = "## Pages\n\n* [The commands](commands/index.md)\n* [The causes](causes/index.md)\n"
    readme = (ROOT / "README.md").read_text()
    first, rest = readme.split("\n\n", 1)
    (folder / "index.md").write_text(f"{first}\n\n{lists}\n{rest}")


def _commands() -> Iterator[tuple[str, str]]:
    context = top(cli)
    lines = ["# Commands", ""]
    for command, inner in each_command(cli, context):
        name = inner.info_name or ""
        lines.append(f"* [netprobe {name}]({name}.md): {command.get_short_help_str(200)}")
        if name == "lab":  # the command line knows it by its name alone
            yield "commands/lab.md", _command(lab, click.Context(lab, info_name=name, parent=context), name)
        else:
            yield f"commands/{name}.md", _command(command, inner, name)
    yield "commands/index.md", "\n".join(lines) + "\n"


def _command(command: click.Command, context: click.Context, name: str) -> str:
    lines = [f"# netprobe {name}", "", *_described(command, context)]
    if isinstance(command, click.Group):
        for each, inner in each_command(command, context):
            lines += ["", f"## {inner.command_path}", "", *_described(each, inner)]
    for code, line in RUNS[name]:
        lines += ["", "```console", f"$ {line}", _output(line, code).rstrip("\n"), "```"]
    for block in RECORDED.get(name, ()):
        lines += ["", "From a run in the lab:", "", _recorded(block)]
    return "\n".join(lines) + "\n"


def _recorded(block: str) -> str:
    return (ROOT / "README.md").read_text().split(f"<!-- {block} -->\n")[1].split(f"\n<!-- /{block} -->")[0]


def _described(command: click.Command, context: click.Context) -> list[str]:
    """A command's usage, what it does, its options, and what stands beneath (examples, exit codes)."""
    usage = f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}"
    lines = [f"    {usage}", ""]
    lines += [
        html.escape(" ".join(each.split()), quote=False) + "\n"
        for each in (command.help or "").replace("\b", "").split("\n\n")
    ]
    records = [
        record for each in command.get_params(context) if (record := each.get_help_record(context)) and record[1]
    ]
    lines += ["| option | |", "|---|---|"]
    lines += [
        f"| `{_cell(option)}` | {_cell(html.escape(' '.join(words.split()), quote=False))} |"
        for option, words in records
    ]
    below = (command.epilog or "").replace("\b", "").strip("\n")
    lines += ["", *(f"    {each}" for each in below.splitlines())] if below else []
    return lines


def _output(line: str, code: int) -> str:
    """Run a command line as a reader would, and return what it prints.

    Raises:
        SystemExit: it does not end as it should.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != code or done.stderr:
        raise SystemExit(f"docs: {line}: exit code {done.returncode}, not {code}: {done.stderr}")
    return done.stdout


def _causes() -> Iterator[tuple[str, str]]:
    every = sorted((explanation_of(cause) for cause in (*CAUSES, *TRAFFIC)), key=lambda each: each.code)
    shown = examples()
    lines = ["# Causes", "", "| code | |", "|---|---|"]
    for each in every:
        lines.append(f"| [{each.code}]({each.code}.md) | {_cell(html.escape(each.summary, quote=False))} |")
        yield f"causes/{each.code}.md", _cause(each, shown.get(each.code))
    yield "causes/index.md", "\n".join(lines) + "\n"


def _cause(words: Explanation, example: dict[str, str] | None) -> str:
    lines = [f"# {words.code}", "", html.escape(words.summary, quote=False), ""]
    for heading, text in words.sections:
        lines += [f"## {heading}", "", html.escape(text, quote=False), ""]
    if example is not None:
        lines += ["## Example", "", html.escape(example["title"], quote=False), "", "```console"]
        lines += [f"$ netprobe replay captures/{example['capture']}.pcapng", "…", example["text"], "```", ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
