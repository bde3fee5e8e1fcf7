"""Loan requests: from 201 to the end."""
