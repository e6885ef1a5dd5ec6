"""The program that runs on the other side of a reach: standard library only, Python 3.7 or later, nothing installed.

Its modules are sent over standard input (:mod:`netprobe.hosts.program`) to ``python3 -I -S``, which then answers one JSON
line a request. It ends when its input ends, however netprobe ended, and takes every process that it started with it:

* ``children``  processes that cannot outlive the program
* ``server``    requests in, answers out
* ``commands``  state commands, bounded in time and bytes
* ``files``     files of the host, and of containers without trusting them
* ``sniffers``  tcpdumps, one a capture point
* ``tracer``    the temporary nft table of ``--trace``, and its reader
* ``drops``     bpftrace, where it is there, for the kernel's drop reasons
* ``sockets``   one probe, from sockets bound before the capture filter is written
* ``answers``   waiting for UDP and ICMP answers, kernel-reported errors included
* ``sizes``     echoes that tell which sizes of packets come through
* ``nested``    the same program once more, inside a container's network namespace
"""
