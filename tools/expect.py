"""`python tools/expect.py [NAME…]`: write captures/NAME.expected.json anew from the saved captures, the index, the examples and tests/golden; then read the diff.

A changed verdict, path or cause is named.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import golden

from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze
from netprobe.report.json import to_json
from netprobe_lab.record import write_examples, write_index
from netprobe_lab.stable import expectation

if TYPE_CHECKING:
    from collections.abc import Mapping

sys.path.insert(0, str(Path(__file__).parent.parent))

CAPTURES = Path(__file__).parent.parent / "captures"
KEPT = ("verdict", "path")


def main(names: list[str]) -> int:
    """Write what the captures' reports say now."""
    changed = [name for name in names or sorted(file.stem for file in CAPTURES.glob("*.pcapng")) if _write(name)]
    write_index(CAPTURES)
    write_examples(CAPTURES)
    golden.write()
    print(f"{len(changed)} changed: {' '.join(changed)}" if changed else "nothing changed")
    return 0


def _write(name: str) -> bool:
    file = CAPTURES / f"{name}.expected.json"
    report: Mapping[str, Any] = to_json(analyze(read((CAPTURES / f"{name}.pcapng").read_bytes())))
    text = json.dumps(expectation(report), indent=1, ensure_ascii=False) + "\n"
    before = file.read_text() if file.is_file() else ""
    if text == before:
        return False
    old = json.loads(before or "{}")
    for key in KEPT:
        if old and old.get(key) != report[key]:
            print(f"{name}: {key} {old.get(key)} → {report[key]}")
    if old and (old.get("cause") or {}).get("code") != (report["cause"] or {}).get("code"):
        print(f"{name}: cause {(old.get('cause') or {}).get('code')} → {(report['cause'] or {}).get('code')}")
    file.write_text(text)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
