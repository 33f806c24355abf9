"""Refused cards."""
