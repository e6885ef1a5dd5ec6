"""Host state: the saved text of host commands, parsed. Pure: no I/O, no clock, no randomness.

``build.build_world(evidence)`` gives a :class:`~netprobe.state.model.World`: every host before and after the probe, each
value parsed only when it is asked for; ``lookup`` answers questions from that. What a command did not tell is None, never an empty tuple; text that was not understood is a
:class:`~netprobe.state.issues.ParseIssue`, never an exception.
"""
