"""Runs: the list, the page of one that follows it while it works, and what can be done with it."""
