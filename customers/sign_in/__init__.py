"""Signing in: customers by a link in a mail, staff by a password; how often they may try, what is noted."""
