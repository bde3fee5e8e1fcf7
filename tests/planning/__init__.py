"""What the planners are shown, worked out without a database."""
