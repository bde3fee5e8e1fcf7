"""The engine: no fixture, no async, no clock."""
