"""A database that was put back to an earlier moment, while Lago, SteVe and the logs stayed as they are."""
