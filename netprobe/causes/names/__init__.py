"""Names and links."""
