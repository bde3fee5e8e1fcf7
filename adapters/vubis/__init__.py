"""Vubis (V-smart) with Iguana: searched through the public catalogue, harvested by OAI-PMH, lent from by SIP2."""

from adapters.vubis.kind import KIND
from adapters.vubis.system import VubisSystem

__all__ = ["KIND", "VubisSystem"]
