"""Adapters: each protocol and system, against emulators on real sockets and recordings written by us."""
