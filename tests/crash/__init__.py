"""Loan requests are carried out while everything that carries them out is killed."""
