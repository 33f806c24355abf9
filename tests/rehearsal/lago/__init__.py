"""Tests of the Lago sandbox."""
