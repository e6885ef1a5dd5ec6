"""Routing, layer 2 and MTU."""
