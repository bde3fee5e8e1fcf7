"""Emulators of the library systems: what a newcomer, the demonstration and the tests talk to in place of a real one.

Each behaves as its system is publicly described, quirks included, keeps a stock of its own, and makes faults on
demand. None is a copy of the maker's software, and passing against one shows no conformance.
"""
