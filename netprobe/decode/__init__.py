"""Decode: raw packets to a table of numpy columns, one pass, no object a packet."""
