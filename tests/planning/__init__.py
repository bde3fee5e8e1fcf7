"""Tests of what planners see and try: pure where possible."""
