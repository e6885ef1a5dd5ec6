"""Flows: the packet table grouped per capture point into connections, datagram exchanges and echoes."""
