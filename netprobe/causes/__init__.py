"""Causes: packets and state held against the catalogue of what goes wrong.

* ``base``         what a cause is
* ``case``         what a cause may look at, and the questions that many ask
* ``proof``        what causes prove with: obstacles, drops, traces, contradictions
* ``firewall``, ``macvlan``, ``names``, ``nat``, ``routing``, ``service``   one family a folder, one cause a class
* ``catalogue``    the explicit list, in run order
"""
