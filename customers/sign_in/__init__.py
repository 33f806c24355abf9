"""Signing in by a link in a mail: the links, the asking for one, and how often one may ask."""
