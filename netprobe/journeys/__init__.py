"""Journeys: flows joined across capture points into one connection's way, hop by hop, and what changed between the hops.

Three joins, strongest first:

* **the same packets** (``join``): a TCP connection keeps its initial sequence numbers and timestamps through bridges, routers and NAT
  (RFC 9293 §3.4, RFC 7323; netfilter's NAT rewrites addresses and ports only); a datagram keeps its payload and one of its two endpoints;
* **rewritten at both ends** (``join``): DNAT and source NAT at once leave a datagram only its payload; a TTL one lower tells that it was forwarded;
* **docker-proxy** (``proxy``): two connections, joined by order (the outer SYN-ACK precedes the inner SYN: impossible under NAT),
  payload, and the proxy's process where host state names it.
"""
