"""Subscriptions: creation and plan changes, look-ups, termination, and the billing they cause."""
