"""The protocols that library systems speak, each usable on its own; none knows a vendor."""
