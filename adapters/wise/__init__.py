"""Wise (OCLC): REST and JSON, a key that rolls with the UTC day and a token that ends with the local one."""

from adapters.wise.system import KIND, WiseSystem

__all__ = ["KIND", "WiseSystem"]
