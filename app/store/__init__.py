"""All SQL: what is kept, and the queries by which the rest of the house reads and writes it."""
