"""The decoder and the flow tracker once more, a packet at a time, as machine code: same results as the numpy ones, for captures of millions of packets.

Kernels (:mod:`~netprobe.compiled.entries` lists them) are compiled by numba once (:mod:`~netprobe.compiled.build`), their machine code is kept in the
user's cache folder (:mod:`~netprobe.compiled.store`), and is loaded without numba (:mod:`~netprobe.compiled.machine`).
"""
