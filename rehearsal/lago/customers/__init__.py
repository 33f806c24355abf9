"""Customers: upsert, look-up and deletion."""
