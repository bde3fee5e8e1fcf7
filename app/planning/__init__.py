"""What planners work with: timetables as drafts, run sheets, load, and what would be if."""
