"""How a comparison of two runs is printed: as text, as JSON, as a page."""
