"""Report: the value that analysis yields, and its printed forms."""
