"""Probe: what is asked (target), where it is sent (plan), by which name (resolver), in which bytes (craft)."""
