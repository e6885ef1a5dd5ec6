"""netprobe: why does a container connection work, or why does it fail? Proved with packets.

Data flows one way::

    live: hosts, capture, probe ┐               ┌─ packets ─► decode ─► flows ─► journeys ─► paths ─┐
                                ├─► evidence ─►─┤                                                   ├─► causes ─► report
    saved: a file ──────────────┘               └─ text ────► state ────────────────────────────────┘
    does I/O                    │ pure from here on: no I/O, no clock, no randomness

* ``hosts`` ``capture`` ``probe`` ``live`` (and ``lab``, which only knows netprobe from outside) touch sockets, processes and the clock.
* ``evidence`` is everything observed about one run, and the one pcapng file that keeps it.
* ``decode`` turns its packets into numpy columns, ``flows`` groups them per capture point, ``journeys`` joins the flows
  across points (through bridges, NAT and docker-proxy), ``paths`` names the way taken.
* ``state`` parses the saved text of host commands; ``causes`` holds packets and state against the catalogue.
* ``pipeline.analyze(evidence) -> Report`` is that whole chain; ``report`` prints the result.
"""

__version__ = "0.1.0"
