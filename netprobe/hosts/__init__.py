"""Hosts: finding the inventory's file, a way to run things on each host, its Docker Engine, and collecting its state. Does I/O."""
