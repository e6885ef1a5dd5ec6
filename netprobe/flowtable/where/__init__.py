"""``--where``: a condition over the columns of a flow table, in the words of pandas' query language and without pandas.

``parse`` reads the text and lets only what is meant here through; ``evaluate`` computes it over whole columns. No call, no attribute, no name that
is no column: nothing of it is ever executed.
"""
