"""Values that all rooms share, each rendered and parsed in one place."""
