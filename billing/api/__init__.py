"""Lago's HTTP API, from the single try up to each family of calls."""
