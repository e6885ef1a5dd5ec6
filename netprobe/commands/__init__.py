"""What the command line does: read files, call the analysis, print, choose the exit code. I/O is allowed here."""
