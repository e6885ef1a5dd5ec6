"""The lab: two real Docker hosts and an outside host on one machine, and the experiments that run in it.

A host is a network, mount and UTS namespace with its own Docker Engine; no link leads out of the lab. The lab knows
netprobe from outside only (its hosts are hosts of an inventory); netprobe does not know the lab.

layout      every name, path and address, computed from the lab's id
namespaces  network namespaces, wires, and the holder process of each host
packages    programs from the distribution's packages, without installing them; images cuts images from them
engine      containerd and dockerd of a server; outside: the services of the outside host
lifecycle   up and down; processes: whose process is it, and ending it
experiments set up, break, expected: one declaration each; runner runs them, record saves them
"""
