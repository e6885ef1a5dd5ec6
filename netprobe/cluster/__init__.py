"""One flow table by many processes, on one machine or several: a Dask cluster reads the pieces of a set of captures.

    partitions ─► track, a worker each ─► keys that several pieces hold ─► select, a worker each ─► merged ─► the rows

What pieces are is ``evidence/stream/partition.py``'s, how their flows become those of the whole ``flowtable/partial.py``'s: the result is that of one
process, bit for bit. Here is who does what, and what happens where workers are missing, differ or die. Only
``scheduler.py`` imports Dask, and ``progress.py`` in a worker.
"""
