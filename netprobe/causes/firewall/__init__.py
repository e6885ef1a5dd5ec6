"""Filters that stop a packet."""
