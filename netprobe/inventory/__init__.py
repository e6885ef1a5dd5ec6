"""Which hosts there are, and how each is reached: text in, values out. Reading the file is the work of `hosts`."""
