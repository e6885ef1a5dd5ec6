"""How a topology is printed: one file a form, and one list of them in ``outputs``."""
