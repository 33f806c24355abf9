"""Plan and apply, built from steps."""
