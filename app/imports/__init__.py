"""Bulk data in and out: agencies, the network, holdings."""
