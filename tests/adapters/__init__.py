<<<<<<< HEAD
"""The library systems: what is said to each, and what it may answer."""
=======
"""Adapters: each protocol and system, against emulators on real sockets and recordings written by us."""
>>>>>>> iso
