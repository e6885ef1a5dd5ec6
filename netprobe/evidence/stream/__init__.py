"""Captures of any size as a stream: chunks of packets, in file order, with memory that does not grow with the files."""
