"""What undoes the one thing that is wrong on a host: a rule, a setting, a route. Each step says what else it opens, and how long it holds."""
