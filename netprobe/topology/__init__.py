"""What the hosts' state says of the network: hosts, namespaces, bridges, interfaces, containers, and what joins them. Pure.

``build.build`` makes a :class:`~netprobe.topology.model.Topology` of hosts' state and capture points, ``overlay.overlay`` the way that a report's
packets took through it, ``collapse.collapsed`` leaves out what a picture has no room for. The printers are in ``netprobe.report.topology``.
"""
