"""What every stand-in is built from: HTTP, faults, the log of requests, start and stop, steering."""
