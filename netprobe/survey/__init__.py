"""What ``netprobe hosts`` says of an inventory: which hosts can be used, what each lacks, and what that costs. Pure.

* ``model``  one host as it was found, and as it is judged
* ``needs``  the programs and privileges that a host should have, each with what its absence costs
* ``facts``  answers of a host, read and judged
* ``same_machine``  two names for one machine or for one Docker Engine
"""
