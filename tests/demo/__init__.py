"""What the demonstration network promises."""
