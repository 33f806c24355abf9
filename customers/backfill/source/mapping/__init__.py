"""Mappings: an export of another system is read as it is, by a file that says what its columns mean."""
