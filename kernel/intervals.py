"""The lengths of billing periods."""

MONTHS = {"monthly": 1, "quarterly": 3, "semiannual": 6, "yearly": 12}
