"""Worlds to try the engine on, and the oracle that says what the answer is."""
