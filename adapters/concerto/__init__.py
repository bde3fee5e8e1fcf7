"""Concerto-style systems: SRU for titles and holdings (MARC 852 in one of many dialects), SIP2 for circulation."""

from adapters.concerto.system import KIND, ConcertoSystem

__all__ = ["KIND", "ConcertoSystem"]
