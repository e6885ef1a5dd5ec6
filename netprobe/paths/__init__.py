"""Paths: what happened to a journey (``observe``: the symptom, from packets alone) and which way it took (``classify``)."""
