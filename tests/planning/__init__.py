"""What planners work with, without database or network."""
