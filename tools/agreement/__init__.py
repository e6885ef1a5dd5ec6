"""netprobe's columns held against what tshark says of the same files: run by tools/agree.py."""
