"""What an import costs the customers."""
