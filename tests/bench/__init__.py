"""What is measured measures what it says."""
