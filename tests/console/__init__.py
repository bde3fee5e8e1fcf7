"""Tests of the planners' pages, in a real browser where a page's scripts matter."""
