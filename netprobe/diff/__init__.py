"""Two runs of one question held against each other: where their journeys part, and what of the hosts' state differs that bears on it.

``question`` says whether both are of one question; ``roles`` gives what every run names anew (container ids, veths, addresses of containers) the name of
its role; ``facts`` takes the state apart into named facts; ``states`` holds the facts of both against each other; ``divergence`` finds the first point at
which the journeys differ; ``bearing`` says which differences bear on that; ``compare`` puts all of it together.
"""
