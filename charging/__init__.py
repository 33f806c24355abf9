"""SteVe, the charging station management system: its REST client and its step."""

from charging.client import SteveClient
from charging.errors import SteveError
from charging.step import SteveIdTagStep
from charging.values import OcppTag, Transaction

__all__ = ["OcppTag", "SteveClient", "SteveError", "SteveIdTagStep", "Transaction"]
