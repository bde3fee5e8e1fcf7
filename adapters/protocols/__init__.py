"""The standards that library systems speak, each usable on its own; none of them knows a vendor."""
