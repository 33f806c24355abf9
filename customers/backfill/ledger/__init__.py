"""What each run meant to make, made, and found already there; and the life of a run."""
