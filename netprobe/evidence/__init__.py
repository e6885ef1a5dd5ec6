"""Evidence: the model of one observed run, and the one pcapng file that keeps it."""
