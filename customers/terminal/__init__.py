"""What operators see at a terminal: data on standard output, progress and errors on standard error."""
