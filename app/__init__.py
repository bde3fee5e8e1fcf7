"""Leenpad as a service: its API, its store, its imports and its command line."""
