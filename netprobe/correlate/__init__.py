"""Flows of all points at once, joined into connections: the rules of :mod:`netprobe.journeys` over the columns of a flow table.

Nothing here is an object a flow, and no step compares every flow with every other: candidates are neighbours in a sorted column.
"""
