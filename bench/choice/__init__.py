"""The proof: a year of loan requests, lived through under each way to choose a supplier; writes docs/choice.md."""
