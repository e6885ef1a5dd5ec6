"""Flows as columns: one row a flow and capture point, however many packets there are. Nothing here is an object a packet or a flow."""
