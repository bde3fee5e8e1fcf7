"""Protocols that several systems speak: each usable on its own, and none knows a system."""
