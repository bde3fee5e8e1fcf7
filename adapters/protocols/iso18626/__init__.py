"""ISO 18626, the interlibrary loan protocol: its messages as values, to and from XML, and a client that sends them.

Versions 1.2 (2017) and 2021-2 share one namespace; both are read, and each is written as its own schema has it.
"""
