"""The library systems: what is said to each, and what it may answer."""
