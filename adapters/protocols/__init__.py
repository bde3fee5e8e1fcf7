"""The standards that library systems speak, each usable on its own; none knows any vendor."""
