"""What the command line does: a file for each command, which holds it as `command`."""
