"""The shape of the program, checked: data flows one way, the middle does no I/O, imports are lazy, tests mirror the rooms."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from netprobe.evidence.writer import write
from tests.commands.walk import evidence

PACKAGE = Path(__file__).parent.parent / "netprobe"
TESTS = Path(__file__).parent
ROOT = TESTS.parent

# Which rooms a room may import from, beside `values`, which makes classes. `model` is what all share; of state, the engines are a room of their own.
BASE = {"errors", "model", "evidence"}
STATE = {*BASE, "state", "state.engine"}
PACKETS = {"decode", "flows", "journeys", "paths"}
CAUSES = {*STATE, *PACKETS, "forward", "causes", "causes.proof"}
FAMILIES = tuple(
    f"causes.{family}" for family in ("firewall", "service", "nat", "names", "routing", "macvlan", "traffic")
)
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "values": set(),
    "interrupts": set(),
    "model": set(),
    "scapy_layers": set(),
    "evidence": {"errors", "model", "interrupts"},
    "evidence.stream": {"errors", "evidence"},
    "decode": {"errors", "evidence", "model"},
    "state": {*BASE, "state.engine"},
    "state.engine": {*BASE, "state"},
    "flows": {*BASE, "decode"},
    "flowtable": {*BASE, "decode", "flows"},
    "compiled": {*BASE, "interrupts", "decode", "flows", "flowtable"},
    "journeys": {*STATE, "decode", "flows"},
    "correlate": {*STATE, "decode", "flows", "flowtable", "forward", "journeys", "paths"},
    "paths": {*STATE, "decode", "flows", "journeys"},
    "forward": {*STATE, "paths"},
    "causes": {*CAUSES, *FAMILIES},
    "causes.proof": CAUSES,
    **{family: {*CAUSES, *FAMILIES} for family in FAMILIES},
    "verdict": {*CAUSES, *FAMILIES, "topology"},
    "diff": {*STATE, "forward"},
    "pipeline": {"verdict", *CAUSES, *FAMILIES, "diff"},
    "survey": STATE,
    "topology": {*STATE, "forward"},
    "report": {
        *("scapy_layers", *BASE, "decode", "flows", "flowtable"),
        *("survey", "topology", "report.topology", "report.diff"),
    },
    "report.diff": {*BASE, "diff", "report"},
    "report.topology": {*BASE, "state", "report", "topology"},
    "inventory": {"errors"},
    "hosts": {*STATE, "interrupts", "decode", "inventory", "hosts.remote"},
    "hosts.remote": set(),
    "probe": {"scapy_layers", *STATE, "decode", "hosts", "inventory", "forward"},
    "capture": {*STATE, "decode", "hosts", "probe", "forward"},
    "live": {
        *(*STATE, "interrupts", "decode", "hosts", "inventory"),
        *("probe", "capture", "survey", "forward", "topology"),
    },
    "annotate": {*STATE, "flowtable", "report"},
    "annotating": {*STATE, "evidence.stream", "flows", "annotate", "engine", "pipeline", "runs", "tabulate"},
    "interface": {
        *(*BASE, "annotating", "diff", "engine", "flows", "flowtable", "journeys"),
        *("live", "pipeline", "report", "runs", "tabulate"),
    },
    "testing": {"errors", "model", "causes", "interface", "report"},
    "cluster": {*BASE, "evidence.stream", "decode", "flowtable", "compiled", "correlate", "engine"},
    "engine": {*BASE, "evidence.stream", "decode", "flowtable", "compiled"},
    "selection": {*STATE, "evidence.stream", "decode", "flows", "flowtable", "correlate", "journeys", "engine"},
    "runs": {*BASE, "evidence.stream", "engine", "selection", "flows", "journeys"},
    "tabulate": {*STATE, "evidence.stream", "decode", "flowtable", "correlate", "engine", "cluster"},
    "secondpass": {*BASE, "decode", "engine", "flowtable"},
    "ladders": {*BASE, "evidence.stream", "decode", "flows", "flowtable", "journeys", "engine", "selection"},
    "commands": {
        *BASE,
        *(
            "annotating",
            "causes",
            "compiled",
            "diff",
            "engine",
            "flows",
            "flowtable",
            "interface",
            "interrupts",
            "inventory",
            "ladders",
            "live",
            "report",
            "secondpass",
            "survey",
            "tabulate",
            "topology",
            "report.diff",
            "report.topology",
        ),
    },
    "cli": {"errors", "commands"},
    "__main__": {"cli", "interrupts"},
}

DOES_IO = {
    "interrupts",
    "scapy_layers",
    "hosts",
    "hosts.remote",
    "capture",
    "probe",
    "live",
    "interface",
    "cluster",
    "engine",
    "runs",
    "tabulate",
    "secondpass",
    "annotating",
    "ladders",
    "commands",
    "cli",
    "__main__",
    "testing",
}
IO_MODULES = {"evidence.files", "evidence.stream.prefetch", "evidence.stream.source", "compiled.store"}
FORBIDDEN_WITHOUT_IO = {
    *("asyncio", "docker", "fcntl", "http", "multiprocessing", "os", "platform", "pyshark", "random", "requests"),
    *("secrets", "select", "selectors", "shutil", "signal", "socket", "ssl", "subprocess", "sys", "tempfile"),
    *("threading", "time", "urllib", "uuid"),
}
FORBIDDEN_CALLS = {"open", "print", "input", "exec", "eval", "now", "utcnow", "today"}
HEAVY = (
    *(
        "asyncio",
        "distributed",
        "docker",
        "duckdb",
        "jinja2",
        "llvmlite",
        "msgspec",
        "numba",
        "pandas",
        "pyarrow",
        "pyshark",
        "requests",
        "scapy",
    ),
)


@cache
def modules() -> dict[str, Path]:
    """Module name below the package -> file."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def room(module: str) -> str:
    parts = module.split(".")
    return next((".".join(parts[:size]) for size in (2, 1) if ".".join(parts[:size]) in MAY_IMPORT), parts[0])


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


@cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(modules()[module])))


class Imports(ast.NodeVisitor):
    """All imports of a module, but for those under TYPE_CHECKING, which never run."""

    def __init__(self) -> None:
        self.named: set[str] = set()

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self.generic_visit(node)
        for other in node.orelse:
            self.visit(other)

    def visit_Import(self, node: ast.Import) -> None:
        self.named.update(alias.name for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert node.level == 0, "imports are absolute"
        assert node.module is not None
        self.named.update(f"{node.module}.{alias.name}" for alias in node.names)


@cache
def imports(module: str) -> frozenset[str]:
    visitor = Imports()
    visitor.visit(tree(modules()[module]))
    return frozenset(visitor.named)


@cache
def own_imports(module: str) -> frozenset[str]:
    """The modules of this package that a module imports, by name below the package."""
    known = modules()
    found = set()
    for name in imports(module):
        if name.partition(".")[0] != "netprobe":
            continue
        inner = name.removeprefix("netprobe").removeprefix(".")
        while inner and inner not in known:
            inner = inner.rpartition(".")[0]
        found.add(inner)
    return frozenset(found - {"", module})


def test_every_room_is_known() -> None:
    assert {room(module) for module in modules()} - {""} <= set(MAY_IMPORT)


# One test of all modules for each rule: thousands of small ones would take longer to hand out than to run.
ALL = tuple(name for name in modules() if name)


def test_a_room_imports_only_what_comes_before_it() -> None:
    wrong = [
        f"{module} must not import {other}"
        for module in ALL
        for other in sorted(own_imports(module))
        if room(other) not in {room(module), "values", *MAY_IMPORT[room(module)]}
    ]
    assert wrong == []


def test_no_import_goes_in_circles() -> None:
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join([*trail[trail.index(module) :], module])
        if module in done:
            return
        for other in sorted(own_imports(module)):
            walk(other, (*trail, module))
        done.add(module)

    for module in modules():
        walk(module, ())


PURE = [name for name in modules() if name and room(name) not in DOES_IO and name not in IO_MODULES]


def test_after_evidence_everything_is_pure() -> None:
    assert len(PURE) > 300
    assert {module: found for module in PURE if (found := _impure(module))} == {}


def _impure(module: str) -> set[str]:
    """What a module imports and calls that does I/O."""
    named = imports(module)
    called = {_called(node) for node in nodes(module) if isinstance(node, ast.Call)}
    return {
        *({name.partition(".")[0] for name in named} & FORBIDDEN_WITHOUT_IO),
        *(named & {"pathlib.Path"}),
        *(called & (FORBIDDEN_CALLS - {"exec"} if module == "values" else FORBIDDEN_CALLS)),
    }


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Name):
        return node.func.id
    return (
        node.func.attr if isinstance(node.func, ast.Attribute) and node.func.attr in {"now", "utcnow", "today"} else ""
    )


def test_nothing_goes_through_a_shell_and_nothing_just_sleeps() -> None:
    calls = [(module, node) for module in ALL for node in nodes(module) if isinstance(node, ast.Call)]
    shells = [f"{module}:{node.lineno}" for module, node in calls if any(word.arg == "shell" for word in node.keywords)]
    sleeps = [
        f"{module}:{node.lineno}"
        for module, node in calls
        if isinstance(node.func, ast.Attribute) and node.func.attr == "sleep"
    ]
    assert (shells, sleeps) == ([], [])


def loaded_by(*arguments: str) -> set[str]:
    """Return the top-level modules that one command line loads in a fresh interpreter."""
    code = (
        "import io, sys; out, sys.stdout = sys.stdout, io.StringIO()\n"
        "from netprobe.cli import run\n"
        "status = run(sys.argv[1:])\n"
        "print(status, *sorted({name.partition('.')[0] for name in sys.modules}), file=out)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    status, *names = done.stdout.split()
    assert status in {"0", "1", "3"}, done.stderr
    return set(names)


def test_help_loads_click_and_the_standard_library_only() -> None:
    assert not loaded_by("--help") & {*HEAVY, "numpy", "rich"}
    assert not loaded_by("explain", "--help") & {*HEAVY, "numpy", "rich"}
    assert not loaded_by("flows", "--help") & {*HEAVY, "numpy", "rich"}


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_replay_loads_numpy_and_no_more(option: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "walk.pcapng"
    file.write_bytes(write(evidence()))
    names = loaded_by("replay", str(file), *option)
    assert "numpy" in names
    assert not names & {*HEAVY, "rich"}


@pytest.mark.parametrize("form", ["table", "csv", "json", "jsonl"])
def test_flows_load_numpy_and_no_more(form: str, tmp_path: Path) -> None:
    file = tmp_path / "walk.pcapng"
    file.write_bytes(write(evidence()))
    names = loaded_by("flows", str(file), "--where", "bytes > 0", "-o", str(tmp_path / "out"), "--format", form)
    assert "numpy" in names
    assert not names & {*HEAVY, "rich"}


def test_a_prediction_needs_neither_numpy_nor_what_explains_packets() -> None:
    """All that asking hosts and reporting take, where nothing is sent and nothing stops the packet."""
    code = (
        "import sys\n"
        "from netprobe.live import opening, run, sessions\n"
        "from netprobe.commands import explain\n"
        "from netprobe.evidence.model import Evidence\n"
        "from netprobe.pipeline import prepare\n"
        "from netprobe.report.text import render\n"
        "prepare(predict=True)\n"
        "assert not len(Evidence().packets)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = {".".join(name.split(".")[:2]) for name in done.stdout.split()}
    assert {"netprobe.forward", "netprobe.verdict", "netprobe.live"} <= names
    assert not names & {*HEAVY, "numpy", "rich", "netprobe.causes", "netprobe.flows", "netprobe.journeys"}


def test_nothing_before_the_probe_needs_numpy() -> None:
    """It is imported while the probe waits for answers; what asks an engine, once the hosts' programs have been started."""
    code = (
        "import sys\n"
        "from netprobe.live import opening, sessions\n"
        "assert 'netprobe.hosts.engine' not in sys.modules\n"
        "from netprobe.capture import plan, sniff\n"
        "from netprobe.live import results, run, tracing\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & {*HEAVY, "numpy", "rich"}


def test_the_tests_mirror_the_rooms() -> None:
    rooms = {file.parent.name for file in PACKAGE.glob("*/*.py") if file.name != "__init__.py"}
    folders = {file.parent.name for file in TESTS.glob("*/test_*.py")}
    if list(TESTS.glob("lab/test_live_*.py")):
        folders.add("live")  # it can only be tested with hosts to be live on
    assert rooms - folders == set(), "a room without tests"
    assert folders - rooms == {"lab", "kernel", "anywhere"}, "tests of a room that is not there"


def test_a_test_is_called_after_what_it_tests() -> None:
    # What is tested there is the lab as a whole, and netprobe in it; and kinds of captures, through all rooms.
    beside = {"lab", "kernel", "anywhere"}
    files = [file.relative_to(TESTS) for file in TESTS.glob("*/**/test_*.py")]
    ours = [file for file in files if file.parts[0] not in beside]
    assert len(ours) > 200
    assert [file for file in ours if not (PACKAGE / file.parent / file.name.removeprefix("test_")).exists()] == []


def _texts() -> list[Path]:
    folders = ("netprobe", "netprobe_lab", "tests", "tools")
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return [*files, *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))]


def test_no_page_is_cited_that_is_not_in_the_repository() -> None:
    """Who reads the code must be able to open what it names."""
    cited = {
        (str(file.relative_to(ROOT)), page)
        for file in _texts()
        for page in re.findall(r"(?<![\w/])[A-Z][A-Z0-9]+\.md\b", file.read_text())
    }
    here = {file.name for folder in (ROOT, ROOT / "captures") for file in folder.glob("*.md")}
    assert [(file, page) for file, page in sorted(cited) if page not in here] == []


OWNED = re.compile(r"\bDOCKER(-[A-Z]+)*\b|\bdocker-bridges\b")
ASKS_ENGINES = [name for name in modules() if name and room(name) not in {"state.engine", "model", "report"}]


def test_only_an_engine_knows_the_names_of_its_chains() -> None:
    """What people read in a cause's docstring may name them; code asks the engine."""
    assert {module: found for module in ASKS_ENGINES if (found := _names_chains(module))} == {}


def _names_chains(module: str) -> list[str]:
    words = {id(node.value) for node in nodes(module) if isinstance(node, ast.Expr)}
    texts = (node.value for node in nodes(module) if isinstance(node, ast.Constant) and id(node) not in words)
    return [text for text in texts if isinstance(text, str) and OWNED.search(text)]


def test_only_a_driver_knows_its_name() -> None:
    """Others ask the driver of a network for what it does."""
    compared = [
        f"{module}:{each.lineno}"
        for module in modules()
        if not module.startswith(("forward.drivers", "state.engine"))
        for node in nodes(module)
        if isinstance(node, ast.Compare)
        for each in (node.left, *node.comparators)
        if isinstance(each, ast.Attribute) and each.attr == "driver"
    ]
    assert compared == []


def test_classes_of_values_are_made_by_values() -> None:
    """Which is why a thing starts at once: see its docstring. One made by both would not inherit from the other."""
    by_others = [
        module
        for module in ALL
        if module != "values" and "remote" not in module and "dataclasses.dataclass" in imports(module)
        if any(
            isinstance(each, ast.Call) and any(word.arg == "frozen" for word in each.keywords) for each in nodes(module)
        )
    ]
    assert by_others == [], "from netprobe.values import dataclass"
