"""Programs that keep firewall rules of their own, and how each lets one connection through by its own command."""
