"""macvlan networks and VLANs."""
