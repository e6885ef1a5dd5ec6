"""What a capture is told to say of itself in Wireshark: comments on frames, descriptions of interfaces, names of addresses. Values in, values out."""
