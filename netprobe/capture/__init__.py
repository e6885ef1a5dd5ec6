"""Capture: which points are sniffed and with which filter (plan), running the sniffers (sniff), and joining what they wrote (join)."""
