"""Decides who supplies a title and by which vans it travels. Pure: no input or output, no clock, no framework."""
