"""The saved outputs of one host while commands change them; what is not surely known is :class:`NotModelled`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netprobe.state.model import Host

NEW_LINK = 1 << 20  # an interface number that no host has yet


class NotModelled(Exception):
    """The effect of a command is not known."""


class Texts:
    """The outputs of one host while they are changed, by their keys (``addr``, ``ns/demo/route``)."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.outputs = dict(host.outputs.outputs)

    def get(self, key: str) -> str:
        """The text of an output.

        Raises:
            NotModelled: it could not be read.
        """
        output = self.outputs.get(key)
        if output is None or not output.ok:
            raise NotModelled(key)
        return output.stdout

    def put(self, key: str, text: str) -> None:
        """What the output is from now on."""
        self.outputs[key] = replace(self.outputs[key], stdout=text)

    def items(self, key: str) -> list[dict[str, Any]]:
        """An output that is a JSON list of objects.

        Raises:
            NotModelled: it is not, or could not be read.
        """
        value = json.loads(self.get(key) or "[]")
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise NotModelled(key)
        return value

    def put_items(self, key: str, value: list[dict[str, Any]]) -> None:
        """The same list, changed."""
        self.put(key, json.dumps(value))
