"""Decode: raw packets to a table of numpy columns, one pass, no object a packet."""

from netprobe.decode.decoder import decode
from netprobe.decode.table import ABSENT, TAG_UNKNOWN, Anomaly, Flag, Kind, PacketTable

__all__ = ["ABSENT", "TAG_UNKNOWN", "Anomaly", "Flag", "Kind", "PacketTable", "decode"]
