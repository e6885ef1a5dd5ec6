"""`make screenshots`: docs/*.webp, pictures of pages that `--html` writes, of recorded runs and a capture of many flows, in Debian's Chromium. Read README beside them afterwards."""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.report.html.browser import Browser, missing  # noqa: E402
from tests.report.html.flowpages import many  # noqa: E402
from tests.report.html.pages import page_of  # noqa: E402

DOCS = ROOT / "docs"
MOST_BYTES = 150_000
QUALITY = 80


class Shot(NamedTuple):
    """One picture: of which capture's page (``""``: the one of many flows), how wide, in which scheme, from where and how far down (px), how many packets or ladders are open."""

    name: str
    capture: str
    width: int
    scheme: str
    top: str
    height: int
    opened: int = 0


SHOTS = (
    Shot("page-fails", "docker-user-drop", 1200, "light", "body", 1800),
    Shot("page-docker-proxy", "truth-http-lan-dnat-deleted", 1200, "light", "#r1-way", 1500),
    Shot("page-dark", "macvlan-vlan", 1200, "dark", "body", 1600),
    Shot("page-packet", "truth-http-lan-normal", 1200, "light", "#r1-rules", 1600, opened=1),
    Shot("page-phone", "truth-http-lan-normal", 360, "light", "body", 1500),
    Shot("flows", "", 1280, "light", "body", 1500, opened=1),
    Shot("flows-dark", "", 1280, "dark", "#all-title", 900),
    Shot("flows-phone", "", 360, "light", "body", 1500),
)


def main() -> int:
    """Take all of them."""
    if absent := missing():
        print(f"screenshots: {absent} is not installed (make setup-browser)", file=sys.stderr)
        return 1
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="netprobe-shots-") as folder:
        browser = Browser(Path(folder) / "profile")
        try:
            for shot in SHOTS:
                picture = taken(browser, Path(folder), shot)
                if len(picture) > MOST_BYTES:
                    print(f"screenshots: {shot.name} takes {len(picture)} bytes", file=sys.stderr)
                    return 1
                (DOCS / f"{shot.name}.webp").write_bytes(picture)
                print(f"docs/{shot.name}.webp  {len(picture) // 1000} kB")
        finally:
            browser.close()
    return 0


def taken(browser: Browser, folder: Path, shot: Shot) -> bytes:
    """One picture, as WebP."""
    file = folder / f"{shot.name}.html"
    file.write_text(page_of(shot.capture) if shot.capture else many(folder).read_text())
    browser.open(file, width=shot.width, scheme=shot.scheme)
    browser.run(
        f"[...document.querySelectorAll('details.packet, h3 + details.story')].slice(0, {shot.opened}).forEach(each => each.open = true)"
    )
    top = float(browser.run(f"return document.querySelector('{shot.top}').getBoundingClientRect().top"))
    whole = float(browser.run("return document.documentElement.scrollHeight"))
    clip = {"x": 0, "y": top, "width": shot.width, "height": min(shot.height, whole - top), "scale": 1}
    told = browser.command(
        "Page.captureScreenshot", format="webp", quality=QUALITY, captureBeyondViewport=True, clip=clip
    )
    return base64.b64decode(told["data"])


if __name__ == "__main__":
    sys.exit(main())
