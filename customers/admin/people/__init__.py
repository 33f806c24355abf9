"""People: customers, whom an import brings, and staff, whom superusers make."""
