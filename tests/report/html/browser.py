"""A real Chromium, headless, for pages of our own: each is opened from its file, and nothing else is."""

from __future__ import annotations

import shutil
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from selenium.webdriver.chrome.webdriver import WebDriver

PROGRAMS = ("chromium", "chromedriver")
PHONE, DESK = 360, 1280  # pixels
_SERIOUS = frozenset({"serious", "critical"})
_AXE = """
const [rules, done] = arguments;
const options = {resultTypes: ["violations"], ...(rules.length ? {runOnly: {type: "rule", values: rules}} : {})};
axe.run(document, options).then(found => done(found.violations), error => done(String(error)));
"""

# getEntriesByType has none of these: they are told to an observer alone (Layout Instability API, section 3)
_SHIFT = """
const [done] = arguments;
let sum = 0;
new PerformanceObserver(list => list.getEntries().forEach(each => { sum += each.value; })).observe({type: "layout-shift", buffered: true});
requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(sum), 50)));
"""


def missing() -> str:
    """Which program is not installed; ``""`` none."""
    return ", ".join(each for each in PROGRAMS if shutil.which(each) is None)


class Browser:
    """One browser; a page at a time."""

    def __init__(self, profile: Path) -> None:
        """Start it with a profile of its own."""
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = str(shutil.which("chromium"))
        for each in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
            options.add_argument(each)
        # it is here to read files: whatever it would ask of a network, by itself or for a page, ends at this machine's discard port
        options.add_argument("--proxy-server=127.0.0.1:9")
        options.add_argument(f"--user-data-dir={profile}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver: WebDriver = webdriver.Chrome(options=options, service=Service(str(shutil.which("chromedriver"))))
        self.driver.set_script_timeout(120)
        self.command("Performance.enable", timeDomain="threadTicks")

    def close(self) -> None:
        """End it."""
        self.driver.quit()

    def open(self, file: Path, *, width: int = DESK, scheme: str = "light", script: bool = True) -> None:
        """Open one of our pages.

        Args:
            file: where it is.
            width: of the window, in pixels.
            scheme: the colour scheme that is preferred: ``light``, ``dark``.
            script: whether scripts may run.
        """
        self.driver.get("about:blank")
        for kind in ("browser", "performance"):
            self.log(kind)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.command("Emulation.setEmulatedMedia", features=features)
        self.command("Emulation.setScriptExecutionDisabled", value=not script)
        phone = width <= PHONE
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=phone)
        self.driver.get(file.as_uri())

    def command(self, name: str, **arguments: Any) -> Any:
        """Give a command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def log(self, kind: str) -> list[dict[str, Any]]:
        """Take what a log has so far: ``browser`` (the console), ``performance`` (events of DevTools)."""
        entries: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]  # selenium has no type there
        return entries

    def run(self, script: str) -> Any:
        """Return what a script returns that is run beside the page's own."""
        return self.driver.execute_script(script)

    def complaints(self) -> list[str]:
        """What the console says of the page: errors, and what its policy forbade."""
        return [str(each["message"]) for each in self.log("browser")]

    def requests(self) -> list[str]:
        """All addresses that the page asked for."""
        import json

        events = (json.loads(each["message"])["message"] for each in self.log("performance"))
        return [each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"]

    def faults(self, *rules: str) -> list[tuple[str, str]]:
        """What axe finds of serious faults against WCAG (of all rules, or of these): (rule, where)."""
        axe = resources.files("axe_core_python").joinpath("axe.min.js").read_text()
        self.driver.execute_script(axe)
        found = self.driver.execute_async_script(_AXE, list(rules))
        assert isinstance(found, list), found
        return [
            (each["id"], str(node["html"])[:200])
            for each in found
            if each["impact"] in _SERIOUS
            for node in each["nodes"]
        ]

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def shift(self) -> float:
        """How far what was shown has moved since the page was opened (the sum of its layout shifts), once two more frames were drawn."""
        return float(self.driver.execute_async_script(_SHIFT))

    def busy_ms(self) -> float:
        """How long the page's main thread has worked so far, in ms of the processor's time: scripts, style, layout. Other programs do not count."""
        told = self.command("Performance.getMetrics")["metrics"]
        return 1000 * next(float(each["value"]) for each in told if each["name"] == "TaskDuration")

    def screenshot(self) -> bytes:
        """The window as PNG."""
        return self.driver.get_screenshot_as_png()
