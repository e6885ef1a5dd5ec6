"""How a picture looks: one style sheet by classes and variables, in light, in dark, and on paper."""

from __future__ import annotations

from enum import StrEnum

LIGHT = {
    "bg": "#ffffff", "ink": "#16202b", "soft": "#5b6875", "line": "#8a97a5", "host": "#f5f7f9", "host-line": "#c3ccd5",
    "ns": "#ffffff", "ns-line": "#9fb1c4", "chip": "#e6edf5", "bar": "#d5e3f3", "bar-line": "#5f86b3", "stack": "#e9e4f2",
    "stack-line": "#8d7cb3", "proxy": "#fbe8cf", "proxy-line": "#b9813a", "way": "#0b7a3e", "back": "#3569b0", "bad": "#b3261e",
    "on": "#ffffff", "warn": "#8f4700",
}  # fmt: skip
DARK = {
    "bg": "#12181f", "ink": "#e7edf3", "soft": "#a3b0bd", "line": "#75838f", "host": "#18212a", "host-line": "#3a4856",
    "ns": "#1f2a35", "ns-line": "#4d6073", "chip": "#2b3947", "bar": "#203a56", "bar-line": "#5c8cbf", "stack": "#2e2840",
    "stack-line": "#8a79b5", "proxy": "#3d2f1c", "proxy-line": "#c99a58", "way": "#45c27f", "back": "#79aef0", "bad": "#ff8a80",
    "on": "#12181f", "warn": "#f3b26b",
}  # fmt: skip

RULES = """
.np-topology{background:var(--np-bg);color:var(--np-ink);font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.np-topology text{fill:var(--np-ink);unicode-bidi:isolate;direction:ltr;font-size:11px}
.np-topology .h{font-size:14px;font-weight:600}
.np-topology .n{font-size:12px;font-weight:600;font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
.np-topology .m{font-size:11px;font-weight:600;font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
.np-topology .a{font-size:10px;font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
.np-topology .s{font-size:11px;fill:var(--np-soft)}
.np-topology .faint{fill:var(--np-soft)}
.np-topology .warn,.np-topology .undetermined{fill:var(--np-warn)}
.np-topology .works{fill:var(--np-way)}
.np-topology .fails{fill:var(--np-bad)}
.np-topology rect{fill:var(--np-chip);stroke:none;rx:3px}
.np-topology .host{fill:var(--np-host);stroke:var(--np-host-line);rx:8px}
.np-topology .unknown{stroke-dasharray:5 4}
.np-topology .ns{fill:var(--np-ns);stroke:var(--np-ns-line);rx:6px}
.np-topology .chip,.np-topology .port{fill:var(--np-chip);stroke:var(--np-line)}
.np-topology .guess{stroke-dasharray:3 2}
.np-topology .down{stroke:var(--np-warn);stroke-dasharray:3 2}
.np-topology .bar{fill:var(--np-bar);stroke:var(--np-bar-line)}
.np-topology .flat{stroke-dasharray:none}
.np-topology .bus{fill:var(--np-bar-line);rx:1px}
.np-topology .wire{fill:var(--np-line);rx:1.5px}
.np-topology .stack{fill:var(--np-stack);stroke:var(--np-stack-line)}
.np-topology .proxy{fill:var(--np-proxy);stroke:var(--np-proxy-line)}
.np-topology .peer{fill:var(--np-host);stroke:var(--np-host-line);stroke-dasharray:5 4;rx:8px}
.np-topology polyline{fill:none;stroke:var(--np-line);stroke-width:1.5px;stroke-linejoin:round;stroke-linecap:round}
.np-topology .thin{stroke-width:1px}
.np-topology .way{stroke:var(--np-way);stroke-width:5px;opacity:.6}
.np-topology .through{stroke:var(--np-way);stroke-width:5px;opacity:.25}
.np-topology .back{stroke:var(--np-back);stroke-width:1.6px;stroke-dasharray:5 3}
.np-topology .lost{stroke:var(--np-bad);stroke-width:5px;stroke-dasharray:2 7;opacity:.8}
.np-topology .predicted{stroke-dasharray:9 6}
.np-topology .head{fill:var(--np-way)}
.np-topology .number{fill:var(--np-way);stroke:var(--np-bg);rx:8px}
.np-topology .on{fill:var(--np-on);font-size:10px;font-weight:700}
.np-topology .end{fill:var(--np-bad);stroke:var(--np-bg);stroke-width:1.5px}
.np-topology .unsure{fill:var(--np-warn)}
.np-topology .cross{stroke:var(--np-on);stroke-width:2px}
.np-topology .said{fill:var(--np-bg);stroke:var(--np-bad)}
.np-topology .why{fill:var(--np-bad);font-size:11px;font-weight:600}
""".strip()


class Palette(StrEnum):
    """``auto``: light or dark as the reader's system is, light on paper. ``page``: the page has the style sheet (:func:`style`) itself."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"
    PAGE = "page"


def style(palette: Palette = Palette.AUTO) -> str:
    """Return the style sheet. A page may set the variables itself (``--np-bg`` …) after it."""
    first = _variables(DARK if palette is Palette.DARK else LIGHT)
    if palette in {Palette.LIGHT, Palette.DARK}:
        return f"{first}\n{RULES}"
    dark = f"@media (prefers-color-scheme:dark){{{_variables(DARK)}}}"
    return f"{first}\n{dark}\n@media print{{{_variables(LIGHT)}}}\n{RULES}"


def _variables(colours: dict[str, str]) -> str:
    return f".np-topology{{{';'.join(f'--np-{name}:{value}' for name, value in colours.items())}}}"
