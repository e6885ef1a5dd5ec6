"""One connection out of captures of any size: which there are and which is meant, by the flow table; then its packets alone, for the story of them."""
