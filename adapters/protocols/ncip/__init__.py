"""NCIP 2.02 (ANSI/NISO Z39.83): eight of its messages as values, to and from XML, and a client that sends them."""
