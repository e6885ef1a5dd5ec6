"""Pages for browsers: one file that needs nothing else, made with Jinja2. Values in, text out.

``template.py`` has the frame that every page shares (head, style, script, what a browser may load: nothing), ``page.py`` the page of reports; ``ladder``,
``rules``, ``packets``, ``compared`` each prepare what their part of ``templates/report.html.j2`` prints. Every text that a template prints is first made
visible (:func:`netprobe.report.escape.visible`), then escaped.
"""
