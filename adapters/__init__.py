"""The library systems that agencies run: which kinds there are, by the word each is known by."""

SYSTEM_KINDS = frozenset({"wise", "vubis", "concerto", "brocade", "manual", "unknown"})
"""`manual` answers by hand; `unknown` is an installation of which nobody has said yet what it is."""
