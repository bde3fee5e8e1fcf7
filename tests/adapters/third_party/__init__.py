"""Servers that others wrote, each run by the Python that has its package."""
