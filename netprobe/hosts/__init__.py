"""Hosts: the inventory, a way to run things on each, its Docker Engine, and collecting its state. Does I/O."""
