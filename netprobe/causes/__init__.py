"""Causes: packets and state held against the catalogue of what goes wrong.

* ``base``         what a cause is
* ``case``         what a cause may look at, and the questions that many ask
* ``hooks``, ``drops``   where rules stand, and which one stopped a packet
* ``names``, ``endpoint``, ``publish``, ``firewall``, ``nat``, ``local``   one family a file, one cause a class
* ``catalogue``    the explicit list, in run order
* ``attribution``, ``narrate``   who changed the packet on its way, and the one sentence that says why
"""
