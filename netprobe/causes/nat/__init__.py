"""Address translation and connection tracking."""
