"""What commands make of a host's state: the saved text of its commands, changed as the kernel and the engine would change it.

Only what is surely known: rules, settings, routes, neighbour entries, and a running container that joins a bridge network. Everything else
(a restart, an interface, a network made anew) is :class:`netprobe.state.effects.texts.NotModelled`.
"""
