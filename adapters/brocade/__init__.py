"""Brocade, of the library of the University of Antwerp (Anet): OAI-PMH and catalogue files to read, SIP2 to place."""
