"""Tests of what planners work with: pure, without a database where it can be."""
