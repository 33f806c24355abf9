"""Proposing a mapping: what an export looks like, and which of its columns may be which of ours."""
