"""What causes prove with: hooks, obstacles, drops, traces, and what contradicts them."""
