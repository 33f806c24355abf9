"""Rehearse a migration: demo, laptop, shell, and the stand-ins that they run."""
