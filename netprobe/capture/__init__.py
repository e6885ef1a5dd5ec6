"""Capture: which points are sniffed and with which filter (plan), and running the sniffers (sniff)."""
