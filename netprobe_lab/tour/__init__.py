"""The tutorial as a tour: its steps and claims as data, carried out in the lab, and each claim judged by what the packets show.

``containers.py``, ``published.py``, ``summary.py`` and ``macvlan.py`` hold the steps, ``tutorial.py`` their order; ``model.py`` says what a step and a claim are, ``conditions.py``
what a claim can be held against. ``carry.py`` carries the steps out; ``rulings.py`` judges, from reports and outputs alone; ``show.py`` prints.
"""
