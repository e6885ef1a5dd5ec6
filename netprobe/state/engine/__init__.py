"""What a container engine owns: its inspect data, its chains and tables, its words."""
