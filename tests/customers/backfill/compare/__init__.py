"""A later file against what is imported."""
